// SPDX-License-Identifier: MIT
#include "storage/checks.h"

#include <fmt/format.h>

namespace storage {

void refuse_missing(const Connection& database, const char* what, Id id)
{
    throw Error(fmt::format("There is no {} {} in the history", what, id), database.file().string(),
                Error::Kind::constraint);
}

void require_change(const Connection& database, const char* what, Id id)
{
    if (database.changes() == 0)
        refuse_missing(database, what, id);
}

void require_json_object(Connection& database, std::string_view text)
{
    // Not a CHECK of the table: to SQLite 3.40 the JSON functions are unsafe in a schema that is not trusted.
    const char* sql = "SELECT iif(json_valid(?1), json_type(?1) = 'object', 0)";
    Statement row = database.query(sql, text);
    if (!row.step() || row.integer(0) == 0)
        throw Error("What should be a JSON object is none", database.file().string(),
                    Error::Kind::constraint);
}

} // namespace storage
