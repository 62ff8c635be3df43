// SPDX-License-Identifier: MIT
// What verify() gives a model to read, written for it.
#pragma once

#include <string_view>

namespace engine {

// Plain prose whose words any trained model knows.
inline constexpr std::string_view verify_prose =
    "One morning a little girl named Mia went to the park with her father. The sun was warm and the grass "
    "was "
    "still wet. They walked past the pond, where two ducks were swimming, and sat down on a wooden bench. "
    "Mia "
    "had a red ball with her. She threw it high into the air and ran to catch it. But the wind was strong "
    "that "
    "day, and the ball rolled away, over the path and down the hill. \"Oh no!\" said Mia. \"My ball is "
    "gone.\" "
    "Her father took her hand and said, \"Do not worry. Let us look for it together.\" They looked behind "
    "the "
    "trees and under the bushes. At last they met an old man with a small brown dog. The dog had the ball in "
    "its "
    "mouth, and it was wagging its tail. \"Thank you for finding it,\" said Mia, and the dog gave it back to "
    "her. She was very happy. After that they all played together until it was time to go home for lunch.";

// Several scripts, and what vocabularies get wrong: runs of blanks, digits, marks, emoji.
inline constexpr std::string_view verify_scripts[] = {
    "Plain words, don't they?  Two  blanks,\ttabs\n\nand lines.\r\n",
    "ä ö ü ß é ñ ø Å; привет, мир; καλημέρα; שלום; مرحبا; नमस्ते",
    "深度求索，人工智能。日本語も。한국어도.",
    "int main() { return 0x1F + 3.14159e-10; } // 1234567890",
    "🙂👩‍👩‍👧 e\u0301 \u200b\u00a0|<｜User｜>|<|EOT|>|[PAD7]",
};

inline constexpr std::string_view verify_prompts[] = {
    "Once upon a time there was",
    "The capital of France is",
    "Two plus two is",
    "The opposite of hot is",
    "The days of the week are Monday, Tuesday,",
    "Water is made of hydrogen and",
    "def add(a, b):\n    return",
    "一年有四个季节：春天、夏天、",
    "The cat sat on the",
    "Tom was sad because he lost his",
};

} // namespace engine
