// SPDX-License-Identifier: MIT
#include "ui/markdown/html_export.h"

#include <QTest>

class TestHtmlExport : public QObject
{
    Q_OBJECT

private slots:
    void writes_data()
    {
        QTest::addColumn<QString>("markdown");
        QTest::addColumn<QString>("html");
        const auto row = [](const char* name, const char* markdown, const char* html) {
            QTest::newRow(name) << QString::fromUtf8(markdown) << QString::fromUtf8(html);
        };
        row("paragraph", "One **two** `three`", "<p>One <b>two</b> <code>three</code></p>\n");
        row("heading", "# Title", "<h2>Title</h2>\n");
        row("code", "```html\n<b>&\n```", "<pre><code>&lt;b&gt;&amp;\n</code></pre>\n");
        row("rule", "---", "<hr>\n");
        row("list", "- a\n- b", "<ul>\n<li><p>a</p>\n</li>\n<li><p>b</p>\n</li>\n</ul>\n");
        row("nested", "1. a\n   - b\n2. c",
            "<ol start=\"1\">\n<li><p>a</p>\n<ul>\n<li><p>b</p>\n</li>\n</ul>\n</li>\n<li><p>c</p>\n</li>\n"
            "</ol>\n");
        row("quote", "> a\n\nb", "<blockquote>\n<p>a</p>\n</blockquote>\n<p>b</p>\n");
        row("task", "- [x] done", "<ul>\n<li>☑ <p>done</p>\n</li>\n</ul>\n");
        row("table", "| a | b |\n|--|--:|\n| 1 | 2 |",
            "<table>\n<tr><th>a</th><th style=\"text-align:right\">b</th></tr>\n"
            "<tr><td>1</td><td style=\"text-align:right\">2</td></tr>\n</table>\n");
        row("thinking", "<think>\nhm\n</think>\nyes",
            "<details><summary>Reasoning</summary>\n<p>hm</p>\n</details>\n<p>yes</p>\n");
    }

    void writes()
    {
        QFETCH(QString, markdown);
        QFETCH(QString, html);
        QCOMPARE(QString::fromStdString(ui::markdownToHtml(markdown.toStdString())), html);
    }

    void nothingOfTheSourceBecomesMarkup()
    {
        for (const char* evil : {"<script>alert(1)</script>", "![x](https://example.org/x.png)",
                                 "[x](javascript:alert(1))", "```\n</code></pre><script>\n```",
                                 "| <img src=x> |\n|--|\n| <script> |", "<think>\n<script>\n</think>"}) {
            const std::string html = ui::markdownToHtml(evil);
            QVERIFY2(html.find("<script") == std::string::npos, html.c_str());
            QVERIFY2(html.find("<img") == std::string::npos, html.c_str());
            QVERIFY2(html.find("href=\"javascript") == std::string::npos, html.c_str());
        }
    }
};

QTEST_APPLESS_MAIN(TestHtmlExport)
#include "test_html_export.moc"
