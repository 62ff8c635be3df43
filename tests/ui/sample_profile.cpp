// SPDX-License-Identifier: MIT
#include "tests/ui/sample_profile.h"

#include <array>
#include <fmt/format.h>
#include <string>

namespace sample {

namespace {

storage::AnswerOrigin origin()
{
    return {"Fathom Starter", "0123456789abcdef", "0.1.0", "{}", 42};
}

storage::Id ask(storage::ChatStore& store, storage::Id conversation, const char* question,
                const storage::AnswerResult& answer)
{
    const storage::Id asked = store.append_message(conversation, storage::Role::user, question);
    const storage::Id id = store.begin_answer(asked, origin());
    store.finish_answer(id, answer);
    return id;
}

storage::Id conversation(storage::ChatStore& store, const char* title)
{
    const storage::Id id = store.create_conversation();
    store.suggest_title(id, title);
    return id;
}

} // namespace

storage::AnswerResult result(std::string text)
{
    storage::AnswerResult result;
    result.text = std::move(text);
    result.prompt_tokens = 214;
    result.generated_tokens = 326;
    result.first_token_seconds = 0.38;
    result.prompt_tokens_per_second = 642.0;
    result.generate_tokens_per_second = 41.7;
    return result;
}

const char* markdown()
{
    return R"(Attention in **latent space** keeps one short vector for each token instead of one key and one value for every head. Three things follow:

1. The cache shrinks from `2 · heads · 128` numbers to `512 + 64`.
2. The up-projection can be *absorbed* into the query.
3. Long contexts become affordable.

## In code

```python
def attend(q_latent, cache, scale):
    """One query against the compressed cache."""
    scores = cache @ q_latent * scale      # (tokens,)
    weights = softmax(scores)
    return weights @ cache[:, :512]
```

| Model | Parameters | Active | Cache per token |
|:--|--:|--:|--:|
| V2-Lite | 15.7 B | 2.4 B | 31,104 B |
| V2 | 236 B | 21 B | 69,120 B |

> The absorbed form computes the same numbers in another order.

注意力机制让模型在生成每个词时关注输入的不同部分。See [the paper](https://arxiv.org/abs/2405.04434) for the rest.

---

- [x] read the prompt
- [ ] write the answer
)";
}

void fill(storage::ChatStore& store)
{
    storage::Id id = conversation(store, "Rain in Lisbon");
    ask(store, id, "What is the weather like in Lisbon in November?",
        result("Mild and often wet: about 12 to 18 °C, with rain on roughly ten days of the month."));

    id = conversation(store, "Sonnets, and why they have fourteen lines");
    storage::AnswerResult stopped = result("A sonnet turns once, and fourteen lines are");
    stopped.status = storage::Status::stopped;
    stopped.finish_reason = storage::FinishReason::cancelled;
    ask(store, id, "Why do sonnets have fourteen lines?", stopped);

    id = conversation(store, "量子计算入门");
    ask(store, id, "用简单的语言解释量子计算。",
        result("量子计算利用**叠加**和**纠缠**这两种量子现象来处理信息。普通计算机的比特只能是 0 或 1。"));
    store.set_unread(id, true);

    id = conversation(store, "A function that reverses a list");
    storage::AnswerResult failed = result("");
    failed.status = storage::Status::failed;
    failed.finish_reason = storage::FinishReason::error;
    failed.error = "The prompt has 9,214 tokens, the context holds 8,192.";
    ask(store, id, "Reverse this list: …", failed);

    id = conversation(store, "Old plans");
    ask(store, id, "What did we plan?", result("Nothing yet."));
    store.move_to_trash(id);

    id = conversation(store, "How latent attention works");
    store.set_pinned(id, true);
    const storage::Id first = ask(store, id, "How does multi-head latent attention work?",
                                  result("It compresses keys and values."));
    const storage::Id second = store.begin_answer(store.message(first)->parent.value(), origin());
    store.finish_answer(second, result(markdown()));
    ask(store, id, "And what does it cost?\nPlease be brief.",
        result("One more small matrix product for each token, and nothing else that you would notice."));
}

void fillMany(storage::ChatStore& store, const storage::ProfileLock& lock, int count)
{
    const std::array subjects = {"Soup for six",       "The verbs of Latin",   "A letter to the council",
                                 "Sorting in place",   "北京的秋天",           "Why the sky is blue",
                                 "Tax of last year",   "Names for a boat",     "A talk about bees",
                                 "Bread without salt", "Sqlite and its locks", "Trains to Porto"};
    const std::array folders = {"Work", "Work/Letters", "Work/Code", "Home", "学习"};
    const std::array tags = {"idea", "later", "bees"};
    for (int i = 0; i < count; ++i) {
        const std::size_t n = static_cast<std::size_t>(i);
        const storage::Id id =
            conversation(store, fmt::format("{} {}", subjects[n % subjects.size()], i + 1).c_str());
        store.append_message(id, storage::Role::user, fmt::format("Tell me more about number {}.", i));
        if (i % 3 == 0)
            store.set_folder(id, folders[n / 3 % folders.size()]);
        if (i % 7 == 0)
            store.set_tags(id, {tags[n / 7 % tags.size()]});
    }
    spread(lock, 6, 60);
}

void spread(const storage::ProfileLock& lock, storage::Id after, int days)
{
    storage::Connection database(storage::database_file(lock.profile()),
                                 storage::Connection::Mode::read_write);
    database.run("UPDATE conversations SET updated_at = updated_at - (id % ?2) * 86400000 WHERE id > ?1",
                 after, days);
}

} // namespace sample
