// SPDX-License-Identifier: MIT
#include "tests/ui/sample_states.h"

#include "tests/ui/sample_profile.h"

#include <array>
#include <fmt/format.h>
#include <string>

namespace sample {

namespace {

constexpr const char* chinese = R"(## 量子计算是什么

普通计算机用**比特**来表示信息，每个比特只能是 0 或 1；量子计算机使用的是*量子比特*（qubit），它可以同时处于 0 和 1 的叠加状态。“叠加”并不意味着“两者都是”，而是说：在测量之前，结果只能用概率来描述——例如 $|\psi\rangle = \alpha|0\rangle + \beta|1\rangle$，其中 $|\alpha|^2 + |\beta|^2 = 1$。

1. **叠加**：$n$ 个量子比特的状态是 $2^n$ 个基态的线性组合；
2. **纠缠**：两个粒子即使相距遥远，测量结果仍然相关（爱因斯坦称之为“鬼魅般的超距作用”）；
3. **干涉**：让错误的路径互相抵消，让正确的路径互相加强。

> 道可道，非常道；名可名，非常名。无名天地之始，有名万物之母。

| 算法 | 经典复杂度 | 量子复杂度 | 用途 |
|:--|:-:|:-:|:--|
| Shor | 亚指数 | 多项式 | 整数分解 |
| Grover | $O(N)$ | $O(\sqrt{N})$ | 无序搜索 |

```python
# 制备一个贝尔态
def bell(circuit):
    circuit.h(0)        # 叠加
    circuit.cx(0, 1)    # 纠缠
    return circuit.measure("结果")
```

Fathom 会在 CPU 上运行 DeepSeek-V2-Lite 模型，速度约为每秒 12 个 token；中文、English 和数字 2026 混排时，标点符号应当避免出现在行首。
)";

constexpr const char* japanese = R"(### 吾輩は猫である

吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。何でも薄暗いじめじめした所でニャーニャー泣いていた事だけは記憶している。吾輩はここで始めて人間というものを見た。しかもあとで聞くとそれは書生という人間中で一番獰悪な種族であったそうだ。

- **ひらがな**、カタカナ、漢字の混在
- 「かぎ括弧」と『二重かぎ括弧』、句読点（、。）の禁則処理
- 半角ｶﾅと全角ＡＢＣ、そして`コード`

한국어도 한 문단: 나는 고양이다. 이름은 아직 없다. 어디서 태어났는지 도무지 짐작이 가지 않는다.
)";

constexpr const char* arabic = R"(## ما هو التعلم الآلي؟

التعلم الآلي فرع من **الذكاء الاصطناعي** يتيح للحواسيب أن تتعلم من البيانات دون أن تُبرمج لكل حالة على حدة. من أشهر النماذج اليوم *المحوِّل* (Transformer) الذي ظهر عام 2017.

1. نجمع البيانات وننظفها.
2. ندرّب النموذج على `GPU` أو `CPU`.
3. نقيس الخطأ، ثم نعيد المحاولة.

- قائمة بلا أرقام
- وفيها سطر ثانٍ طويل بما يكفي ليلتف على أكثر من سطر واحد في العمود، حتى نرى أين تقف النقطة التي تسبقه

> العلم في الصغر كالنقش على الحجر.

| اللغة | الاتجاه | المتحدثون |
|:--|:-:|--:|
| العربية | من اليمين | 422 مليونًا |
| English | left to right | 1.5 B |

معادلة في السطر: $E = mc^2$ ثم بقية الجملة.
)";

constexpr const char* hebrew =
    R"(למידת מכונה היא תחום ב**בינה מלאכותית** שבו מחשבים לומדים מתוך נתונים. המודל `DeepSeek-V2` משתמש ב־MLA, ולכן הזיכרון שלו קטן יותר (576 מספרים לכל אסימון).

- [x] לקרוא את השאלה
- [ ] לכתוב תשובה

Then a paragraph in English, which starts at the left again.
)";

constexpr const char* nested = R"(Packing for a week in the mountains:

1. **Clothes**
   - two warm layers
     - wool next to the skin
       - merino if you can
   - a rain jacket, with a second paragraph of words that is long enough to be wrapped onto another line of the column

     The second paragraph of an item stands under its first.
2. **Food**
   1. breakfast
   2. lunch
      > A quotation inside an item.
   3. dinner
      ```sh
      stove --fuel gas --minutes 12
      ```
3. **Papers**
   - [x] maps
   - [x] hut card
   - [ ] insurance
     - [ ] a copy for the rucksack

- one
- two

10. ten
11. eleven

Term by term
: no list at all, just a line.

> A quotation
>
> > inside a quotation
> > - with a list
>
> and its end.

A line with **bold**, *slanted*, ***both***, ~~struck~~, `code`, a [link](https://example.org/a/path) and an image ![a lighthouse](https://example.org/lighthouse.png).
)";

constexpr const char* formulas = R"(### Attention

Each query is compared with all keys, $q^\top k_i / \sqrt{d_k}$, and the softmax $\operatorname{softmax}(z)_i = e^{z_i} / \sum_j e^{z_j}$ makes weights of it:

$$
\operatorname{Attention}(Q, K, V) = \operatorname{softmax}\!\left(\frac{QK^\top}{\sqrt{d_k}}\right) V
$$

A tall one inside a line, $\displaystyle\frac{\partial^2 u}{\partial t^2} = c^2 \sum_{i=1}^{3} \frac{\partial^2 u}{\partial x_i^2}$, and the line after it should not stand far below; a small one such as $x_i^2$ must not move the line at all, nor must $\frac12$ or $\hat{\theta}_{n+1}$ in the next one of the paragraph.

| Name | Formula | Where |
|:--|:-:|--:|
| Euler | $e^{i\pi} + 1 = 0$ | everywhere |
| Gauss | $\int_{-\infty}^{\infty} e^{-x^2}\,dx = \sqrt{\pi}$ | statistics |
| Bayes | $P(A \mid B) = \frac{P(B \mid A)\,P(A)}{P(B)}$ | inference |
| Binet | $F_n = \frac{\varphi^n - \psi^n}{\sqrt{5}}$ | with $\varphi = \frac{1 + \sqrt{5}}{2}$ |

$$
\begin{pmatrix} \cos\theta & -\sin\theta \\ \sin\theta & \cos\theta \end{pmatrix}
\begin{bmatrix} x \\ y \end{bmatrix}
= \begin{cases} r & \text{if } \theta = 0, \\ R_\theta\, r & \text{otherwise.} \end{cases}
$$

\[
\begin{aligned}
\nabla \cdot \mathbf{E} &= \frac{\rho}{\varepsilon_0}, & \nabla \times \mathbf{E} &= -\frac{\partial \mathbf{B}}{\partial t}, \\
\nabla \cdot \mathbf{B} &= 0, & \nabla \times \mathbf{B} &= \mu_0 \mathbf{J} + \mu_0 \varepsilon_0 \frac{\partial \mathbf{E}}{\partial t}.
\end{aligned}
\]

1. In a list: $\lim_{n \to \infty} \left(1 + \frac{1}{n}\right)^n = e$.
2. And one that cannot be set: $\notacommand{x}$.
)";

constexpr const char* languages = R"(The same in a few languages:

```rust
/// Reverses a list in place.
fn reverse<T>(items: &mut [T]) -> usize {
    let n = items.len();
    for i in 0..n / 2 {
        items.swap(i, n - 1 - i); // meets in the middle
    }
    n
}
```

```sql
SELECT c.title, count(*) AS messages
FROM conversations AS c JOIN messages AS m ON m.conversation = c.id
WHERE c.deleted_at IS NULL AND m.created_at > 1700000000
GROUP BY c.id ORDER BY messages DESC LIMIT 20;
```

```json
{"name": "Fathom", "version": 0.1, "offline": true, "peers": null, "themes": ["light", "dark"]}
```

```diff
- cache = heads * 128 * 2
+ cache = 512 + 64
```

```
plain text without a language
```
)";

class Writer
{
public:
    explicit Writer(storage::ChatStore& store)
        : m_store(store)
    {
    }

    storage::Id conversation(const char* title)
    {
        m_conversation = m_store.create_conversation(title);
        return m_conversation;
    }

    storage::Id ask(const std::string& question, const storage::AnswerResult& answer)
    {
        const storage::Id asked = m_store.append_message(m_conversation, storage::Role::user, question);
        const storage::Id id = m_store.begin_answer(
            asked, {"Fathom Starter", "0123456789abcdef", "0.1.0",
                    R"({"temperature":0.7,"top_p":0.95,"min_p":0.05,"device":"A processor"})", 8'241'907});
        m_store.finish_answer(id, answer);
        return id;
    }

    storage::Id ask(const std::string& question, std::string answer)
    {
        return ask(question, result(std::move(answer)));
    }

private:
    storage::ChatStore& m_store;
    storage::Id m_conversation = 0;
};

// Sentences of a made-up guide, `count` words in all.
std::string words(int count)
{
    constexpr std::array subjects = {"The river", "A careful reader", "Every lighthouse", "The old road",
                                     "Our latent cache"};
    constexpr std::array verbs = {"follows", "remembers", "crosses", "measures", "outlives"};
    constexpr std::array objects = {"the low hills behind the harbour", "what the map had left out",
                                    "each word that came before it", "a long and quiet afternoon",
                                    "the numbers of an earlier page"};
    std::string text;
    int written = 0;
    for (std::size_t sentence = 0; written < count; ++sentence) {
        if (sentence % 60 == 0)
            text += fmt::format("\n\n## Part {}\n\n", sentence / 60 + 1);
        else if (sentence % 6 == 0)
            text += "\n\n";
        text += fmt::format("{} {} {}, and {} {} {}. ", subjects[sentence % 5], verbs[sentence / 5 % 5],
                            objects[sentence / 3 % 5], "nobody", verbs[sentence / 7 % 5],
                            objects[sentence / 11 % 5]);
        written += 16;
    }
    return text;
}

std::string twoHundredLines()
{
    std::string text = "Two hundred lines:\n\n```cpp\n#include <vector>\n\n";
    for (int line = 3; line <= 200; line += 6)
        text +=
            fmt::format("// Part {0} of the sum.\nstatic double part{0}(const std::vector<double>& values)\n"
                        "{{\n    return values.at({0}) * {0}.5 + 0x{0:x};\n}}\n\n",
                        line);
    return text + "```\n\nThat was all of them.";
}

std::string twelveColumns()
{
    std::string text = "| Month ";
    for (int column = 1; column < 12; ++column)
        text += fmt::format("| Station {} ", column);
    text += "|\n|:--";
    for (int column = 1; column < 12; ++column)
        text += "|--:";
    text += "|\n";
    constexpr std::array months = {"January", "February", "March", "April", "May", "June"};
    for (std::size_t row = 0; row < months.size(); ++row) {
        text += fmt::format("| {} ", months[row]);
        for (std::size_t column = 1; column < 12; ++column)
            text += fmt::format("| {}.{} mm ", 10 + (row * 37 + column * 11) % 90, (row + column) % 10);
        text += "|\n";
    }
    return "Rain at eleven stations:\n\n" + text + "\nThe first half of the year.";
}

} // namespace

void fillStates(storage::ChatStore& store)
{
    Writer writer(store);
    writer.conversation("A word of four thousand letters");
    writer.ask(std::string(4000, 'w'), "It has four thousand letters: " + std::string(4000, 'm') +
                                           "\n\nAnd an address: https://example.org/" +
                                           std::string(300, 'a') + ".html");
    writer.conversation("A table of twelve columns");
    writer.ask("How much did it rain?", twelveColumns());
    writer.conversation("Two hundred lines of code");
    writer.ask("Write a long program.", twoHundredLines());
    writer.conversation("Code in five languages");
    writer.ask("Show me code in a few languages.", languages);
    writer.conversation("An answer of 30,000 words");
    writer.ask("Write a book.", words(30'000));
    writer.conversation("A formula wider than the column");
    writer.ask("Expand it.",
               "It does not end soon:\n\n$$\n(a+b)^{12} = a^{12} + 12a^{11}b + 66a^{10}b^2 + 220a^9b^3 + "
               "495a^8b^4 + 792a^7b^5 + 924a^6b^6 + 792a^5b^7 + 495a^4b^8 + 220a^3b^9 + 66a^2b^{10} + "
               "12ab^{11} + b^{12}\n$$\n\nand that is all.");
    writer.conversation("Formulas and tables");
    writer.ask("Explain attention with formulas.", formulas);
    writer.conversation("Nested lists and tasks");
    writer.ask("What do I pack?", nested);
    writer.conversation("شرح التعلم الآلي");
    writer.ask("ما هو التعلم الآلي؟ اشرحه لي ببساطة.", arabic);
    writer.conversation("למידת מכונה בקצרה");
    writer.ask("מהי למידת מכונה?", hebrew);
    writer.conversation("猫についての一頁");
    writer.ask("猫について書いてください。", japanese);
    writer.conversation("量子计算：从比特到量子比特");
    writer.ask("请用简单的语言解释量子计算，并给出一个例子。", chinese);
    writer.conversation("Three words");
    writer.ask("Is it?", "Yes, it is.");

    writer.conversation("Reasoning");
    writer.ask(
        "Is 91 a prime number?",
        "<think>\nThe person asks about 91. Try small primes: 2 no, 3 no (9 + 1 = 10), 5 no, 7: 7 · 13 = "
        "91.\n\nSo it is not.\n</think>\n\nNo: **91 = 7 · 13**.");

    const storage::Id cut = writer.conversation("What has left the context");
    for (int turn = 1; turn < 6; ++turn)
        writer.ask(fmt::format("Tell me part {} of the story.", turn), words(60));
    storage::AnswerResult last = result("The story ends where it began, at the harbour.");
    last.facts = R"({"left_out":4,"left_out_at":2,"reused_tokens":96})";
    writer.ask("And how does it end?", last);
    store.set_settings(cut, R"({"systemPrompt":"You tell stories in short sentences."})");

    writer.conversation("A context that is almost full");
    writer.ask("Write as much as you can.", words(2250));
    writer.conversation("A context that is full");
    storage::AnswerResult full = result(words(2480));
    full.finish_reason = storage::FinishReason::context_full;
    writer.ask("Write even more.", full);
    writer.conversation("An answer at the limit of length");
    storage::AnswerResult length = result("As long as it was allowed to become, and then");
    length.finish_reason = storage::FinishReason::length;
    writer.ask("Write without end.", length);
    writer.conversation("An answer that was interrupted");
    storage::AnswerResult interrupted = result("The first thing to know about lighthouses is that");
    interrupted.status = storage::Status::interrupted;
    interrupted.finish_reason = storage::FinishReason::none;
    writer.ask("Tell me about lighthouses.", interrupted);

    store.set_folder(cut, "Stories");
    store.set_archived(writer.conversation("Put away long ago"), true);
    writer.ask("Is this over?", "It is.");
    store.move_to_trash(writer.conversation("A shopping list"));
}

} // namespace sample
