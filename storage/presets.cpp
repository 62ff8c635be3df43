// SPDX-License-Identifier: MIT
#include "storage/presets.h"

#include "storage/checks.h"

#include <fmt/format.h>

namespace storage {
namespace {

void require_free_preset_name(Connection& database, std::string_view name, Id except)
{
    const char* sql = "SELECT EXISTS (SELECT 1 FROM presets WHERE name = ?1 AND id <> ?2)";
    if (database.query(sql, name, except).first_integer() != 0)
        throw Error(fmt::format("There is already a preset \"{}\"", name), database.file().string(),
                    Error::Kind::constraint);
}

} // namespace

std::vector<Preset> list_presets(Connection& database)
{
    std::vector<Preset> presets;
    Statement row = database.prepare("SELECT id, name, settings FROM presets ORDER BY place, id");
    while (row.step())
        presets.push_back({row.integer(0), std::string(row.text(1)), std::string(row.text(2))});
    return presets;
}

Id add_preset(Connection& database, std::string_view name, std::string_view settings)
{
    require_json_object(database, settings);
    require_free_preset_name(database, name, 0);
    const char* sql = R"sql(
        INSERT INTO presets (name, settings, place)
        VALUES (?1, ?2, (SELECT ifnull(max(place) + 1, 0) FROM presets))
    )sql";
    database.run(sql, name, settings);
    return database.last_insert_id();
}

void change_preset(Connection& database, Id preset, std::string_view name, std::string_view settings)
{
    require_json_object(database, settings);
    require_free_preset_name(database, name, preset);
    database.run("UPDATE presets SET name = ?2, settings = ?3 WHERE id = ?1", preset, name, settings);
    require_change(database, "preset", preset);
}

void delete_preset(Connection& database, Id preset)
{
    database.run("DELETE FROM presets WHERE id = ?1", preset);
    require_change(database, "preset", preset);
}

void order_presets(Connection& database, const std::vector<Id>& presets)
{
    Transaction transaction(database);
    database.run("UPDATE presets SET place = place + ?1", static_cast<std::int64_t>(presets.size()));
    for (std::size_t i = 0; i < presets.size(); ++i) {
        database.run("UPDATE presets SET place = ?2 WHERE id = ?1", presets[i], static_cast<std::int64_t>(i));
        require_change(database, "preset", presets[i]);
    }
    // Those left out keep their order, without numbers that grow each time.
    const char* renumber = R"sql(
        UPDATE presets SET place = numbered.place
        FROM (SELECT id, row_number() OVER (ORDER BY place, id) - 1 AS place FROM presets) numbered
        WHERE presets.id = numbered.id
    )sql";
    database.run(renumber);
    transaction.commit();
}

} // namespace storage
