// SPDX-License-Identifier: MIT
#include "ui/markdown/highlighter.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace ui {

namespace {

enum Feature : unsigned
{
    SlashComments = 1, // // and /* */
    HashComments = 2,
    DashComments = 4,   // --
    BlockOnly = 8,      // /* */ without //
    SingleQuotes = 16,  // '...'
    BackQuotes = 32,    // `...` over lines
    TripleQuotes = 64,  // """ and ''' over lines
    NoCase = 128,       // keywords in any case
    Directives = 256,   // #include
    Decorators = 512,   // @name
    Markup = 1024,      // tags
    Lines = 2048,       // a diff: the first letter colours the line
    Variables = 4096,   // $name
    Properties = 8192,  // name before ':' (JSON, YAML, CSS)
    Lifetimes = 16384,  // 'a is no string
    Semicolons = 32768, // ; and % comments
};

struct Language
{
    std::u16string_view names; // blank-separated
    std::u16string_view keywords;
    std::u16string_view types;
    unsigned features = 0;
};

constexpr std::array<Language, 21> kLanguages = {{
    {u"python py python3 gyp",
     u"False None True and as assert async await break case class continue def del elif "
     u"else except finally for from global if import in is lambda match nonlocal not or "
     u"pass raise return try while with yield self",
     u"int float str bool list dict set tuple bytes object type range len print Exception",
     HashComments | SingleQuotes | TripleQuotes | Decorators},
    {u"c h cpp c++ cc cxx hpp cuda cu objc arduino",
     u"alignas alignof auto break case catch class concept const consteval constexpr constinit const_cast "
     u"continue "
     u"co_await co_return co_yield decltype default delete do dynamic_cast else enum explicit export extern "
     u"false "
     u"final for friend goto if inline mutable namespace new noexcept nullptr operator override private "
     u"protected "
     u"public register reinterpret_cast requires return sizeof static static_assert static_cast struct "
     u"switch "
     u"template this throw true try typedef typename union using virtual volatile while NULL __global__ "
     u"__device__ __shared__ __host__",
     u"bool char char8_t char16_t char32_t double float int long short signed unsigned void wchar_t size_t "
     u"ptrdiff_t int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t string vector map set "
     u"unique_ptr shared_ptr optional std FILE",
     SlashComments | SingleQuotes | Directives},
    {u"javascript js jsx typescript ts tsx mjs node",
     u"abstract as async await break case catch class const continue debugger declare default delete do else "
     u"enum "
     u"export extends false finally for from function get if implements import in instanceof interface let "
     u"new "
     u"null of private protected public readonly return set static super switch this throw true try type "
     u"typeof "
     u"undefined var void while with yield",
     u"any boolean number string never unknown object Array Map Set Promise Object String Number Boolean "
     u"Date "
     u"Math JSON Error RegExp console",
     SlashComments | SingleQuotes | BackQuotes | Decorators},
    {u"json json5 jsonc", u"true false null", u"", SlashComments | Properties},
    {u"bash sh shell zsh console shell-session shellscript dockerfile docker makefile make",
     u"if then else elif fi for while until do done case esac in function select return exit export local "
     u"readonly declare source alias unset set shift trap break continue FROM RUN COPY CMD ENV WORKDIR "
     u"EXPOSE "
     u"ENTRYPOINT ARG ADD",
     u"echo cd ls cat grep sed awk find xargs sudo apt git docker curl wget mkdir rm cp mv chmod chown tar "
     u"pip "
     u"python npm cmake make test printf read kill",
     HashComments | SingleQuotes | Variables},
    {u"rust rs",
     u"as async await break const continue crate dyn else enum extern false fn for if impl in let loop "
     u"match mod move mut pub ref return self Self static struct super trait true type unsafe use where "
     u"while",
     u"bool char f32 f64 i8 i16 i32 i64 i128 isize str u8 u16 u32 u64 u128 usize String Vec Option Result "
     u"Box Rc "
     u"Arc HashMap HashSet Some None Ok Err",
     SlashComments | SingleQuotes | Lifetimes},
    {u"go golang",
     u"break case chan const continue default defer else fallthrough for func go goto if import "
     u"interface map package range return select struct switch type var true false nil iota",
     u"bool byte complex64 complex128 error float32 float64 int int8 int16 int32 int64 rune string uint "
     u"uint8 "
     u"uint16 uint32 uint64 uintptr any make new len cap append copy panic recover",
     SlashComments | SingleQuotes | BackQuotes},
    {u"java kotlin kt scala groovy csharp cs c# swift dart",
     u"abstract as assert async await base break case catch class const constructor continue data def "
     u"default "
     u"delegate do else enum event extends extension false final finally for foreach fun func get goto guard "
     u"if "
     u"implements implicit import in init inline instanceof interface internal is lateinit let match "
     u"namespace "
     u"native new null nil object open operator out override package params private protected public "
     u"readonly "
     u"record ref return sealed self set static struct super suspend switch synchronized this throw throws "
     u"trait "
     u"transient true try typealias typeof using val var virtual void volatile when where while with yield",
     u"boolean bool byte char decimal double float int long short string String Integer Long Double Boolean "
     u"List "
     u"Map Set Object ArrayList HashMap Optional Int Float Unit Any Array System Math Exception",
     SlashComments | SingleQuotes | Decorators | TripleQuotes},
    {u"html xml svg xhtml vue svelte qrc ui plist", u"", u"", Markup},
    {u"css scss less", u"important media import keyframes supports font-face from to root hover focus active",
     u"", SlashComments | SingleQuotes | Properties | Decorators},
    {u"sql sqlite mysql postgresql postgres plsql tsql",
     u"add all alter and any as asc begin between by cascade case check column commit constraint create "
     u"cross "
     u"database default delete desc distinct drop else end except exists explain foreign from full group "
     u"having if "
     u"in index inner insert intersect into is join key left like limit not null offset on or order outer "
     u"over "
     u"partition primary references replace returning right rollback row rows select set table then "
     u"transaction "
     u"trigger union unique update using values view virtual when where window with",
     u"bigint blob boolean char date datetime decimal double float int integer interval json numeric real "
     u"serial "
     u"smallint text time timestamp uuid varchar count sum avg min max coalesce",
     DashComments | BlockOnly | SingleQuotes | NoCase},
    {u"diff patch", u"", u"", Lines},
    {u"yaml yml", u"true false null yes no on off", u"", HashComments | SingleQuotes | Properties},
    {u"toml ini conf cfg properties", u"true false", u"", HashComments | SingleQuotes | Semicolons},
    {u"cmake",
     u"if else elseif endif foreach endforeach while endwhile function endfunction macro endmacro return "
     u"set option include find_package add_library add_executable target_link_libraries project "
     u"add_subdirectory message install TRUE FALSE ON OFF AND OR NOT",
     u"PUBLIC PRIVATE INTERFACE STATIC SHARED REQUIRED", HashComments | Variables | NoCase},
    {u"qml",
     u"import property alias readonly required signal function var let const if else for while return true "
     u"false null undefined this new switch case default break continue on component pragma as",
     u"int real double string bool color url list date Item Rectangle Text", SlashComments | SingleQuotes},
    {u"php",
     u"abstract and array as break case catch class clone const continue declare default do echo else elseif "
     u"empty extends final finally fn for foreach function global if implements include instanceof interface "
     u"isset namespace new null or private protected public readonly require require_once return static "
     u"switch this throw true false try use var while yield",
     u"int float string bool void mixed", SlashComments | SingleQuotes | Variables},
    {u"ruby rb",
     u"alias and begin break case class def defined do else elsif end ensure false for if in module next "
     u"nil not or redo rescue retry return self super then true undef unless until when while yield "
     u"require attr_accessor attr_reader puts",
     u"String Integer Array Hash Symbol Float", HashComments | SingleQuotes},
    {u"lua",
     u"and break do else elseif end false for function goto if in local nil not or repeat return then true "
     u"until while",
     u"string table math io os print pairs ipairs", DashComments | SingleQuotes},
    {u"haskell hs ocaml elm",
     u"case class data deriving do else if import in infix instance let module newtype of "
     u"then type where match with fun rec begin end",
     u"Int Integer String Bool Maybe Either IO Char Double Just Nothing True False", DashComments},
    {u"r julia jl matlab octave",
     u"if else for while function return in next break TRUE FALSE NULL NA true false end "
     u"repeat library struct module using import begin let do try catch nothing",
     u"c data.frame list matrix Int64 Float64 String Vector", HashComments},
}};

bool hasWord(std::u16string_view list, std::u16string_view word)
{
    size_t at = 0;
    while ((at = list.find(word, at)) != std::u16string_view::npos) {
        const size_t end = at + word.size();
        if ((at == 0 || list[at - 1] == u' ') && (end == list.size() || list[end] == u' ')) {
            return true;
        }
        at = end;
    }
    return false;
}

bool isWordStart(QChar c)
{
    return c.isLetter() || c == u'_';
}

bool isWordPart(QChar c)
{
    return c.isLetterOrNumber() || c == u'_';
}

// What a line leaves open for the next one.
enum State : int
{
    Code = 0,
    BlockComment,
    BackQuote,
    TripleDouble,
    TripleSingle,
    MarkupComment,
    InsideTag
};

class Scanner
{
public:
    Scanner(const Language& language, QStringView line, int state, std::vector<CodeSpan>& spans)
        : m_language(language)
        , m_line(line)
        , m_state(state)
        , m_spans(spans)
    {
    }

    int run()
    {
        if (has(Lines)) {
            diffLine();
            return Code;
        }
        while (m_at < m_line.size()) {
            if (m_state != Code && m_state != InsideTag) {
                goOnUntilClosed();
            } else if (has(Markup)) {
                markup();
            } else {
                code();
            }
        }
        return m_state;
    }

private:
    bool has(Feature feature) const { return (m_language.features & feature) != 0; }

    bool at(QStringView text) const { return m_line.sliced(m_at).startsWith(text); }

    void add(qsizetype end, CodeHue hue)
    {
        if (end > m_at && hue != CodeHue::Plain) {
            m_spans.push_back({m_at, end - m_at, hue});
        }
        m_at = end;
    }

    void diffLine()
    {
        const QChar first = m_line.isEmpty() ? QChar(u' ') : m_line[0];
        const CodeHue hue =
            m_line.startsWith(u"+++") || m_line.startsWith(u"---") || m_line.startsWith(u"diff")
                ? CodeHue::Type
            : m_line.startsWith(u"@@") ? CodeHue::Function
            : first == u'+'            ? CodeHue::String
            : first == u'-'            ? CodeHue::Number
                                       : CodeHue::Plain;
        add(m_line.size(), hue);
    }

    void goOnUntilClosed()
    {
        static constexpr std::array<QStringView, 6> ends = {u"", u"*/", u"`", u"\"\"\"", u"'''", u"-->"};
        const QStringView mark = ends[static_cast<size_t>(m_state)];
        const CodeHue hue =
            m_state == BlockComment || m_state == MarkupComment ? CodeHue::Comment : CodeHue::String;
        const qsizetype close = m_line.indexOf(mark, m_at);
        add(close < 0 ? m_line.size() : close + mark.size(), hue);
        if (close >= 0) {
            m_state = Code;
        }
    }

    void open(int state, qsizetype markLength, CodeHue hue)
    {
        add(m_at + markLength, hue);
        m_state = state;
    }

    void code()
    {
        const QChar c = m_line[m_at];
        if (comment() || stringLiteral()) {
            return;
        }
        if (c.isDigit() || (c == u'.' && m_at + 1 < m_line.size() && m_line[m_at + 1].isDigit())) {
            number();
        } else if (isWordStart(c)) {
            word();
        } else if ((c == u'@' && has(Decorators)) || (c == u'$' && has(Variables)) ||
                   (c == u'#' && has(Directives))) {
            qsizetype end = m_at + 1;
            while (end < m_line.size() &&
                   (isWordPart(m_line[end]) || m_line[end] == u'{' || m_line[end] == u'}')) {
                ++end;
            }
            add(end, c == u'#' ? CodeHue::Keyword : CodeHue::Type);
        } else {
            ++m_at;
        }
    }

    bool comment()
    {
        const bool blankBefore = m_at == 0 || m_line[m_at - 1].isSpace();
        if ((has(SlashComments) && at(u"//")) || (has(DashComments) && at(u"--")) ||
            (has(HashComments) && at(u"#") && blankBefore) || (has(Semicolons) && at(u";") && blankBefore)) {
            add(m_line.size(), CodeHue::Comment);
            return true;
        }
        if ((has(SlashComments) || has(BlockOnly)) && at(u"/*")) {
            open(BlockComment, 2, CodeHue::Comment);
            return true;
        }
        return false;
    }

    bool stringLiteral()
    {
        if (has(TripleQuotes) && (at(u"\"\"\"") || at(u"'''"))) {
            open(m_line[m_at] == u'"' ? TripleDouble : TripleSingle, 3, CodeHue::String);
            return true;
        }
        if (has(BackQuotes) && at(u"`")) {
            open(BackQuote, 1, CodeHue::String);
            return true;
        }
        if (at(u"'") && has(Lifetimes)) {
            const bool letter =
                m_at + 2 < m_line.size() && (m_line[m_at + 2] == u'\'' || m_line[m_at + 1] == u'\\');
            if (!letter) {
                ++m_at;
                return true;
            }
        }
        if (!at(u"\"") && !(has(SingleQuotes) && at(u"'"))) {
            return false;
        }
        const QChar quote = m_line[m_at];
        qsizetype end = m_at + 1;
        while (end < m_line.size() && m_line[end] != quote) {
            end += m_line[end] == u'\\' ? 2 : 1;
        }
        end = std::min(end + 1, m_line.size());
        add(end, has(Properties) && beforeColon(end) ? CodeHue::Type : CodeHue::String);
        return true;
    }

    bool beforeColon(qsizetype end) const
    {
        while (end < m_line.size() && m_line[end].isSpace()) {
            ++end;
        }
        return end < m_line.size() && m_line[end] == u':';
    }

    void number()
    {
        qsizetype end = m_at;
        while (end < m_line.size() && (isWordPart(m_line[end]) || m_line[end] == u'.')) {
            ++end;
        }
        add(end, CodeHue::Number);
    }

    void word()
    {
        qsizetype end = m_at;
        while (end < m_line.size() && (isWordPart(m_line[end]) || (has(Properties) && m_line[end] == u'-'))) {
            ++end;
        }
        QString text = m_line.sliced(m_at, end - m_at).toString();
        if (has(NoCase)) {
            text = text.toLower();
        }
        const std::u16string_view key(reinterpret_cast<const char16_t*>(text.utf16()),
                                      static_cast<size_t>(text.size()));
        if (text.size() < 24 && hasWord(m_language.keywords, key)) {
            add(end, CodeHue::Keyword);
        } else if (text.size() < 24 && hasWord(m_language.types, key)) {
            add(end, CodeHue::Type);
        } else if (has(Properties) && beforeColon(end)) {
            add(end, CodeHue::Type);
        } else if (end < m_line.size() && m_line[end] == u'(') {
            add(end, CodeHue::Function);
        } else {
            m_at = end;
        }
    }

    void markup()
    {
        const QChar c = m_line[m_at];
        if (m_state == Code) {
            if (at(u"<!--")) {
                open(MarkupComment, 4, CodeHue::Comment);
            } else if (c == u'<') {
                qsizetype end = m_at + 1;
                while (end < m_line.size() &&
                       (isWordPart(m_line[end]) || QStringView(u"/!?-:.").contains(m_line[end]))) {
                    ++end;
                }
                add(end, CodeHue::Keyword);
                m_state = InsideTag;
            } else {
                const qsizetype next = m_line.indexOf(u'<', m_at);
                m_at = next < 0 ? m_line.size() : next;
            }
            return;
        }
        if (c == u'>' || at(u"/>")) {
            add(m_at + (c == u'>' ? 1 : 2), CodeHue::Keyword);
            m_state = Code;
        } else if (c == u'"' || c == u'\'') {
            const qsizetype close = m_line.indexOf(c, m_at + 1);
            add(close < 0 ? m_line.size() : close + 1, CodeHue::String);
        } else if (isWordStart(c)) {
            qsizetype end = m_at;
            while (end < m_line.size() &&
                   (isWordPart(m_line[end]) || m_line[end] == u'-' || m_line[end] == u':')) {
                ++end;
            }
            add(end, CodeHue::Type);
        } else {
            ++m_at;
        }
    }

    const Language& m_language;
    QStringView m_line;
    int m_state;
    std::vector<CodeSpan>& m_spans;
    qsizetype m_at = 0;
};

} // namespace

int highlightLine(QStringView language, QStringView line, int state, std::vector<CodeSpan>& spans)
{
    const std::u16string_view name(language.utf16(), static_cast<size_t>(language.size()));
    if (name.empty()) {
        return 0;
    }
    const auto known = std::find_if(kLanguages.begin(), kLanguages.end(),
                                    [name](const Language& entry) { return hasWord(entry.names, name); });
    if (known == kLanguages.end()) {
        return 0;
    }
    return Scanner(*known, line, state, spans).run();
}

} // namespace ui
