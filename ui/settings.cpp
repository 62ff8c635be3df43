// SPDX-License-Identifier: MIT
#include "ui/settings.h"

#include "ui/text.h"

#include <QFile>
#include <QMetaMethod>
#include <QRandomGenerator>
#include <QSettings>

#include <algorithm>
#include <array>
#include <cmath>
#include <fcntl.h>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>

namespace ui {

namespace {

constexpr int save_after_ms = 400;
constexpr double largest_seed = 9007199254740991.0; // 2^53 - 1, exact in QML
constexpr qsizetype longest_text = 1 << 20;

enum class Kind
{
    text,
    choice, // one of `choices`
    device, // "cpu", or "cuda:" and a number
    colour,
    real,
    integer,
    yes,
    list,
};

struct Definition
{
    const char* name;
    const char* key; // in the file
    Kind kind;
    QVariant standard;
    double least = 0.0;
    double most = 0.0;
    QStringList choices = {};
};

const std::array<Definition, 35>& definitions()
{
    static const std::array<Definition, 35> all = {{
        {"theme",
         "look/theme",
         Kind::choice,
         QStringLiteral("system"),
         0,
         0,
         {QStringLiteral("system"), QStringLiteral("light"), QStringLiteral("dark")}},
        {"accent", "look/accent", Kind::colour, QString()},
        {"zoom", "look/zoom", Kind::real, 1.0, 0.5, 3.0},
        {"fontFamily", "look/fontFamily", Kind::text, QString()},
        {"sidebarWidth", "look/sidebarWidth", Kind::integer, 280, 220, 420},
        {"sidebarOpen", "look/sidebarOpen", Kind::yes, true},
        {"showPreview", "look/showPreview", Kind::yes, false},
        {"reduceMotion", "look/reduceMotion", Kind::yes, false},
        {"firstStartDone", "state/firstStartDone", Kind::yes, false},
        {"device", "engine/device", Kind::device, QStringLiteral("cpu")},
        {"threads", "engine/threads", Kind::integer, 0, 0, 256},
        {"contextLength", "engine/contextLength", Kind::integer, 0, 0, 1 << 20},
        {"cacheType",
         "engine/cacheType",
         Kind::choice,
         QStringLiteral("bf16"),
         0,
         0,
         {QStringLiteral("bf16"), QStringLiteral("f32")}},
        {"temperature", "sampling/temperature", Kind::real, 0.7, 0.0, 2.0},
        {"topK", "sampling/topK", Kind::integer, 0, 0, 1000},
        {"topP", "sampling/topP", Kind::real, 0.9, 0.0, 1.0},
        {"minP", "sampling/minP", Kind::real, 0.05, 0.0, 1.0},
        {"repeatPenalty", "sampling/repeatPenalty", Kind::real, 1.05, 0.5, 2.0},
        {"maxTokens", "sampling/maxTokens", Kind::integer, 0, 0, 1 << 20},
        {"contextPolicy",
         "sampling/contextPolicy",
         Kind::choice,
         QStringLiteral("stop"),
         0,
         0,
         {QStringLiteral("stop"), QStringLiteral("oldest"), QStringLiteral("middle")}},
        {"keepAlive", "engine/keepAlive", Kind::integer, 0, 0, 24 * 60},
        {"loadAtStart", "engine/loadAtStart", Kind::yes, true},
        {"speeds", "models/speeds", Kind::text, QString()},
        {"seed", "sampling/seed", Kind::real, -1.0, -1.0, largest_seed},
        {"systemPrompt", "sampling/systemPrompt", Kind::text, QString()},
        {"modelFolders", "models/folders", Kind::list, QStringList()},
        {"lastModel", "models/last", Kind::text, QString()},
        {"windowGeometry", "state/windowGeometry", Kind::text, QString()},
        {"newDraft", "state/newDraft", Kind::text, QString()},
        {"folders", "state/folders", Kind::list, QStringList()},
        {"openFolders", "state/openFolders", Kind::list, QStringList()},
        {"trashDays", "data/trashDays", Kind::integer, 30, 0, 3650},
        {"notify", "look/notify", Kind::yes, true},
        {"backups",
         "data/backups",
         Kind::choice,
         QStringLiteral("weekly"),
         0,
         0,
         {QStringLiteral("off"), QStringLiteral("daily"), QStringLiteral("weekly")}},
        {"backupsKept", "data/backupsKept", Kind::integer, 3, 1, 50},
    }};
    return all;
}

const Definition* definition(QLatin1String name)
{
    for (const Definition& one : definitions()) {
        if (name == QLatin1String(one.name))
            return &one;
    }
    return nullptr;
}

bool isColour(const QString& text)
{
    return text.size() == 7 && text.front() == u'#' && std::all_of(text.begin() + 1, text.end(), [](QChar c) {
               return (c >= u'0' && c <= u'9') || (c.toLower() >= u'a' && c.toLower() <= u'f');
           });
}

bool isDevice(const QString& text)
{
    const QLatin1String cuda("cuda:");
    bool understood = false;
    const int number = text.mid(cuda.size()).toInt(&understood);
    return text == QLatin1String("cpu") ||
           (understood && number >= 0 && text == cuda + QString::number(number));
}

// The value as it may be used, or nothing where it cannot be understood.
std::optional<QVariant> checked(const Definition& definition, const QVariant& value)
{
    switch (definition.kind) {
    case Kind::text: {
        if (!value.canConvert<QString>())
            return std::nullopt;
        return value.toString().left(longest_text);
    }
    case Kind::choice:
        if (!definition.choices.contains(value.toString()))
            return std::nullopt;
        return value.toString();
    case Kind::device:
        if (!isDevice(value.toString()))
            return std::nullopt;
        return value.toString();
    case Kind::colour:
        if (!value.toString().isEmpty() && !isColour(value.toString()))
            return std::nullopt;
        return value.toString();
    case Kind::real:
    case Kind::integer: {
        bool understood = false;
        const double number = value.toDouble(&understood);
        if (!understood || !std::isfinite(number))
            return std::nullopt;
        const double inside = std::clamp(number, definition.least, definition.most);
        if (definition.kind == Kind::integer)
            return static_cast<int>(std::lround(inside));
        return definition.most == largest_seed ? std::floor(inside) : inside;
    }
    case Kind::yes: {
        const QString text = value.toString();
        if (text != QLatin1String("true") && text != QLatin1String("false"))
            return std::nullopt;
        return text == QLatin1String("true");
    }
    case Kind::list: {
        if (!value.canConvert<QStringList>())
            return std::nullopt;
        QStringList list = value.toStringList();
        list.removeAll(QString());
        list.removeDuplicates();
        return list;
    }
    }
    return std::nullopt;
}

// The file is there and its person's alone, whatever the umask: QSettings writes beside it and keeps its
// permissions.
void makePrivate(const QString& file)
{
    const QByteArray name = QFile::encodeName(file);
    const int descriptor = ::open(name.constData(), O_RDONLY | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (descriptor < 0)
        return; // writing it says why
    struct stat is;
    if (::fstat(descriptor, &is) == 0 && (is.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        ::fchmod(descriptor, S_IRUSR | S_IWUSR);
    ::close(descriptor);
}

} // namespace

const QStringList& Settings::samplingNames()
{
    static const QStringList names{
        QStringLiteral("temperature"), QStringLiteral("topP"),          QStringLiteral("topK"),
        QStringLiteral("minP"),        QStringLiteral("repeatPenalty"), QStringLiteral("maxTokens"),
        QStringLiteral("seed"),
    };
    return names;
}

std::optional<double> Settings::bounded(const QString& name, double value)
{
    if (!samplingNames().contains(name))
        return std::nullopt;
    const std::optional<QVariant> good = checked(*definition(QLatin1String(name.toLatin1())), value);
    return good ? std::optional(good->toDouble()) : std::nullopt;
}

Settings::Settings(QString file, TaskThread& files, QObject* parent)
    : QObject(parent)
    , m_file(std::move(file))
    , m_files(files)
{
    const QSettings stored(m_file, QSettings::IniFormat);
    for (const Definition& one : definitions()) {
        const QVariant value = stored.value(QLatin1String(one.key));
        if (!value.isValid())
            continue;
        const std::optional<QVariant> good = checked(one, value);
        if (good && *good != one.standard)
            m_values.insert(QLatin1String(one.name), *good);
    }
    m_save_timer.setSingleShot(true);
    m_save_timer.setInterval(save_after_ms);
    connect(&m_save_timer, &QTimer::timeout, this, &Settings::save);
}

Settings::~Settings()
{
    if (m_save_timer.isActive())
        save();
}

QVariant Settings::value(const char* name) const
{
    const auto found = m_values.constFind(QLatin1String(name));
    return found != m_values.constEnd() ? *found : definition(QLatin1String(name))->standard;
}

void Settings::set(const char* name, const QVariant& value)
{
    const Definition& one = *definition(QLatin1String(name));
    const std::optional<QVariant> good = checked(one, value);
    if (!good || *good == this->value(name))
        return;
    m_aside.remove(QLatin1String(name));
    if (*good == one.standard)
        m_values.remove(QLatin1String(name));
    else
        m_values.insert(QLatin1String(name), *good);
    m_save_timer.start();
    const int property = metaObject()->indexOfProperty(name);
    metaObject()->property(property).notifySignal().invoke(this);
    emit changed(QLatin1String(name));
}

void Settings::save()
{
    m_save_timer.stop();
    QVariantMap all = m_aside;
    all.insert(m_values);
    m_files.post([file = m_file, values = std::move(all)] {
        makePrivate(file);
        QSettings stored(file, QSettings::IniFormat);
        for (const Definition& one : definitions()) {
            const auto found = values.constFind(QLatin1String(one.name));
            if (found != values.constEnd())
                stored.setValue(QLatin1String(one.key), *found);
            else
                stored.remove(QLatin1String(one.key));
        }
        stored.sync();
        if (stored.status() != QSettings::NoError)
            qWarning("The settings could not be written.");
    });
}

void Settings::setAside(const QStringList& names)
{
    for (const QString& name : names) {
        const auto found = m_values.find(name);
        if (found == m_values.end())
            continue;
        m_aside.insert(name, *found);
        m_values.erase(found);
        const int property = metaObject()->indexOfProperty(name.toLatin1().constData());
        metaObject()->property(property).notifySignal().invoke(this);
        emit changed(name);
    }
}

void Settings::reset(const QString& name)
{
    if (const Definition* one = definition(QLatin1String(name.toLatin1())))
        set(one->name, one->standard);
}

bool Settings::isDefault(const QString& name) const
{
    return !m_values.contains(name);
}

engine::Sampling Settings::sampling() const
{
    engine::Sampling sampling;
    sampling.temperature = static_cast<float>(temperature());
    sampling.top_k = topK();
    sampling.top_p = static_cast<float>(topP());
    sampling.min_p = static_cast<float>(minP());
    sampling.repeat_penalty = static_cast<float>(repeatPenalty());
    sampling.seed = seed() >= 0 ? static_cast<std::uint64_t>(seed()) : randomSeed();
    return sampling;
}

std::uint64_t Settings::randomSeed()
{
    return QRandomGenerator::global()->generate64() >> 11;
}

engine::LoadOptions Settings::loadOptions() const
{
    engine::LoadOptions options;
    options.device = toUtf8(device());
    options.threads = threads();
    options.context_tokens = contextLength();
    options.cache_type =
        cacheType() == QLatin1String("f32") ? engine::CacheType::f32 : engine::CacheType::bf16;
    return options;
}

} // namespace ui
