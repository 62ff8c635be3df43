// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What the history consists of, as plain data.
namespace storage {

// Ids are rowids, never 0 and never used twice. Times are milliseconds since 1970-01-01 UTC. Text is UTF-8.
using Id = std::int64_t;
using Time = std::int64_t;

Time now();

enum class Role
{
    system,
    user,
    assistant,
    tool
};

enum class Status
{
    complete,
    streaming,   // being generated now
    interrupted, // the program ended while it was being generated; holds the text up to the last commit
    stopped,     // the person stopped it
    failed,      // the engine gave up; Message::error says why
};

enum class FinishReason
{
    none,         // still streaming, interrupted, or not a generated message
    stop,         // the model ended its answer, or a stop string was met
    length,       // the limit of new tokens was reached
    context_full, // the context holds no further token
    cancelled,    // the person stopped it
    error,
};

// The words that the database keeps for them: a number could change its meaning with the code. An unknown
// word is Error{corrupt}.
std::string_view name_of(Role role);
std::string_view name_of(Status status);
std::string_view name_of(FinishReason reason);
Role role_of(std::string_view name);
Status status_of(std::string_view name);
FinishReason finish_reason_of(std::string_view name);

struct Conversation
{
    Id id = 0;
    std::string title;
    bool title_is_automatic = true;
    bool pinned = false;
    bool archived = false;
    bool unread = false;
    std::string folder;            // a path such as "Work/Letters"; empty: in no folder
    std::vector<std::string> tags; // sorted, without duplicates
    Time created_at = 0;
    Time updated_at = 0;            // the latest message
    std::optional<Time> deleted_at; // set: in the trash
    std::optional<Id> leaf;         // last message of the chosen branch; empty: no message yet
    std::string preview;            // start of the leaf's text on one line, at most 160 characters

    // Filled by conversation(), left as they are here by list_conversations().
    std::string uuid; // 32 hexadecimal digits; the same in an export and after its import
    std::string draft;
    std::int64_t draft_cursor = 0; // in the unit of whoever set it
    std::string settings = "{}";   // JSON object
};

// How an answer came to be, known before its first token.
struct AnswerOrigin
{
    std::string model_name;
    std::string model_hash;
    std::string engine_version;
    std::string sampling = "{}"; // JSON object of the sampling parameters
    std::int64_t seed = 0;
};

struct AnswerResult
{
    Status status = Status::complete;
    FinishReason finish_reason = FinishReason::stop;
    std::string error; // one sentence, for Status::failed
    std::string text;
    std::vector<std::int32_t> token_ids;
    int prompt_tokens = 0; // whole prompt, with what the cache still held
    int generated_tokens = 0;
    double first_token_seconds = 0;
    double prompt_tokens_per_second = 0;
    double generate_tokens_per_second = 0;
    std::string facts = "{}"; // JSON object; its members are added to AnswerOrigin::sampling
};

struct Message
{
    Id id = 0;
    Id conversation = 0;
    std::optional<Id> parent; // empty: first message of its conversation
    int ordinal = 0;          // among its siblings, from 0
    int sibling_count = 1;    // the message included: the branch switch shows "ordinal + 1 / sibling_count"
    Role role = Role::user;
    Status status = Status::complete;
    FinishReason finish_reason = FinishReason::none;
    std::string content;
    std::string error;
    Time created_at = 0;
    std::optional<AnswerOrigin> origin; // answers that a model gave; one that was edited has none
    int prompt_tokens = 0;
    int generated_tokens = 0;
    double first_token_seconds = 0;
    double prompt_tokens_per_second = 0;
    double generate_tokens_per_second = 0;
};

// What a list of 100,000 messages must know of each before it is shown.
struct MessageHead
{
    Id id = 0;
    int ordinal = 0; // as in Message
    int sibling_count = 1;
    Role role = Role::user;
    Status status = Status::complete;
    std::int64_t length = 0; // of the text, in characters, up to the first NUL
};

// A message that holds the text which was looked for, and how often, counted without overlaps.
struct MessageMatch
{
    Id message = 0;
    int count = 0;
};

// A folder or a tag with the number of conversations directly in it.
struct NameCount
{
    std::string name;
    std::int64_t count = 0;
};

// A system prompt with sampling parameters under a name.
struct Preset
{
    Id id = 0;
    std::string name;
    std::string settings = "{}"; // JSON object, as in Conversation
};

struct Counts
{
    std::int64_t active = 0;
    std::int64_t archived = 0;
    std::int64_t trash = 0;
};

enum class Scope
{
    active,
    archived,
    trash
};

} // namespace storage
