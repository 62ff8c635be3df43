// SPDX-License-Identifier: MIT
#include "app/fathom/options.h"

#include "ui/text.h"

#include <QDir>

namespace app {

namespace {

// A variable of the XDG base directory specification, under fathom/; relative values are to be ignored.
std::filesystem::path baseFolder(const char* variable, const char* belowHome)
{
    const QString value = qEnvironmentVariable(variable);
    const QString base =
        QDir::isAbsolutePath(value) ? value : QDir::homePath() + u'/' + QLatin1String(belowHome);
    return ui::pathFromQt(base) / "fathom";
}

} // namespace

Folders Folders::of(const std::filesystem::path& profile)
{
    const std::filesystem::path data = baseFolder("XDG_DATA_HOME", ".local/share");
    if (!profile.empty())
        return {profile, profile / "settings.ini", profile / "logs", data / "models"};
    return {data, baseFolder("XDG_CONFIG_HOME", ".config") / "settings.ini",
            baseFolder("XDG_STATE_HOME", ".local/state") / "logs", data / "models"};
}

Options parse(const QStringList& arguments)
{
    Options options;
    for (qsizetype i = 1; i < arguments.size(); ++i) {
        const QString name = arguments[i].section(u'=', 0, 0);
        const bool joined = arguments[i].contains(u'=');
        const auto value = [&](QString& into) {
            if (joined)
                into = arguments[i].section(u'=', 1);
            else if (i + 1 < arguments.size())
                into = arguments[++i];
            if (into.isEmpty())
                options.mistake = QStringLiteral("%1 needs a value").arg(name);
        };
        if (name == QLatin1String("--profile"))
            value(options.profile);
        else if (name == QLatin1String("--model"))
            value(options.model);
        else if (arguments[i] == QLatin1String("--safe-mode"))
            options.safeMode = true;
        else if (arguments[i] == QLatin1String("--version"))
            options.version = true;
        else if (arguments[i] == QLatin1String("--help") || arguments[i] == QLatin1String("-h"))
            options.help = true;
        else
            options.mistake = QStringLiteral("unknown argument %1").arg(arguments[i]);
    }
    // Another process, which stands in another folder, may be the one that opens it.
    if (!options.model.isEmpty() && options.model != QLatin1String("starter"))
        options.model = QDir::current().absoluteFilePath(options.model);
    return options;
}

QString usage()
{
    return QStringLiteral(
        "usage: fathom [--profile DIR] [--model MODEL] [--safe-mode] [--version] [--help]\n"
        "\n"
        "  --profile DIR   keep history, settings and logs in DIR\n"
        "  --model MODEL   start with this model: \"starter\", a .gguf file or a Hugging Face folder\n"
        "  --safe-mode     load no model and use no GPU\n");
}

} // namespace app
