// SPDX-License-Identifier: MIT
#include "ui/model_list.h"

#include "ui/platform.h"
#include "ui/text.h"

#include <QJsonDocument>
#include <QJsonObject>
#include <QLocale>
#include <QPointer>

#include <algorithm>
#include <set>

namespace ui {

namespace {

const QString starter_word = QStringLiteral("starter");
const QString cpu = QStringLiteral("cpu");

// "236 B · 21 B active"
QString countText(std::int64_t count)
{
    const double value = static_cast<double>(count);
    const QLocale locale;
    if (value >= 99.95e9)
        return QStringLiteral("%1 B").arg(locale.toString(value / 1e9, 'f', 0));
    if (value >= 0.9995e9)
        return QStringLiteral("%1 B").arg(locale.toString(value / 1e9, 'f', 1));
    if (value >= 99.95e6)
        return QStringLiteral("%1 M").arg(locale.toString(value / 1e6, 'f', 0));
    return QStringLiteral("%1 M").arg(locale.toString(value / 1e6, 'f', 1));
}

QString fileName(const std::filesystem::path& path)
{
    return pathToQt(path.has_filename() ? path.filename() : path.parent_path().filename());
}

QString family(const engine::ModelInfo& info)
{
    if (info.architecture == "deepseek2" || info.architecture == "deepseek_v2")
        return QStringLiteral("DeepSeek-V2");
    return toQt(info.architecture);
}

} // namespace

ModelList::ModelList(EngineBridge& engine, Settings& settings, TaskThread& files, Mailbox& mailbox,
                     EngineFunctions functions, Places places)
    : m_engine(engine)
    , m_settings(settings)
    , m_files(files)
    , m_mailbox(mailbox)
    , m_functions(std::move(functions))
    , m_places(std::move(places))
{
    connect(&m_engine, &EngineBridge::stateChanged, this, [this] {
        if (m_engine.state() == EngineBridge::State::ready)
            m_settings.setLastModel(m_engine.path() == m_places.starter ? starter_word : currentPath());
        if (m_notice != m_engine.notice()) {
            m_notice = m_engine.notice();
            emit noticeChanged();
        }
        if (count() > 0)
            emit dataChanged(index(0), index(count() - 1));
        emit stateChanged();
        emit currentChanged();
        emit progressChanged();
        emit reloadNeededChanged();
        noteHeldBytes();
        if (m_engine.device() != toUtf8(cpu) && m_engine.state() != EngineBridge::State::loading)
            replan(); // the GPU's free memory is another now
    });
    connect(&m_engine, &EngineBridge::progressChanged, this, [this] {
        announceRow(m_engine.path());
        emit progressChanged();
    });
    connect(&m_engine, &EngineBridge::infoKnown, this, &ModelList::currentChanged);
    connect(&m_engine, &EngineBridge::measureChanged, this, &ModelList::measureChanged);
    connect(&m_engine, &EngineBridge::measured, this, &ModelList::keep);
    connect(&m_engine, &EngineBridge::measureFailed, this, [this](const QString& why) {
        m_measure_error = why;
        emit measureChanged();
    });
    const auto keepAlive = [this] { m_engine.setKeepAlive(std::chrono::minutes(m_settings.keepAlive())); };
    connect(&m_settings, &Settings::keepAliveChanged, this, keepAlive);
    keepAlive();
    connect(&m_engine, &EngineBridge::deviceFailedChanged, this, &ModelList::deviceFailedChanged);
    for (const auto signal : {&Settings::deviceChanged, &Settings::threadsChanged,
                              &Settings::contextLengthChanged, &Settings::cacheTypeChanged})
        connect(&m_settings, signal, this, &ModelList::reloadNeededChanged);
    for (const auto signal :
         {&Settings::deviceChanged, &Settings::contextLengthChanged, &Settings::cacheTypeChanged})
        connect(&m_settings, signal, this, &ModelList::replan);
    connect(&m_settings, &Settings::modelFoldersChanged, this, [this] {
        emit foldersChanged();
        rescan();
    });
    rescan();
}

ModelList::~ModelList()
{
    if (m_scan_stop)
        *m_scan_stop = true;
}

int ModelList::rowCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : count();
}

QHash<int, QByteArray> ModelList::roleNames() const
{
    return {
        {Path, "path"},
        {Name, "name"},
        {Description, "description"},
        {SizeText, "sizeText"},
        {Type, "type"},
        {Family, "family"},
        {ParametersText, "parametersText"},
        {ContextLength, "contextLength"},
        {About, "about"},
        {Fits, "fits"},
        {Reason, "reason"},
        {Plan, "plan"},
        {LargestContext, "largestContext"},
        {State, "state"},
        {Progress, "progress"},
        {ErrorText, "errorText"},
        {IsStarter, "isStarter"},
        {Current, "current"},
        {Speed, "speed"},
    };
}

QVariant ModelList::data(const QModelIndex& index, int role) const
{
    if (!index.isValid() || index.row() >= count())
        return {};
    const Row& row = m_rows[static_cast<std::size_t>(index.row())];
    const engine::ModelInfo& info = row.model.info;
    switch (role) {
    case Path:
        return pathToQt(row.model.path);
    case Qt::DisplayRole:
    case Name:
        return info.name.empty() ? fileName(row.model.path) : toQt(info.name);
    case Description:
        return toQt(info.description);
    case SizeText:
        return info.file_bytes > 0 ? humanBytes(info.file_bytes) : QString();
    case Type:
        return toQt(info.file_type);
    case Family:
        return family(info);
    case ParametersText:
        if (info.parameters <= 0)
            return QString();
        if (info.active_parameters <= 0 || info.active_parameters == info.parameters)
            return countText(info.parameters);
        return tr("%1 · %2 active").arg(countText(info.parameters), countText(info.active_parameters));
    case ContextLength:
        return static_cast<qint64>(info.context_length);
    case About:
        return about(row);
    case Fits:
        return fits(row);
    case Reason:
        return reason(row);
    case Plan:
        return planText(row);
    case LargestContext:
        return static_cast<qint64>(row.plan.largest_context_tokens);
    case State:
        return rowState(row);
    case Progress:
        return isCurrent(row) ? progress() : 0.0;
    case ErrorText:
        if (!row.model.error.empty())
            return toQt(row.model.error);
        return isCurrent(row) ? m_engine.error() : QString();
    case IsStarter:
        return row.isStarter;
    case Current:
        return isCurrent(row);
    case Speed:
        return speed(row);
    default:
        return {};
    }
}

QVariantList ModelList::about(const Row& row) const
{
    const engine::ModelInfo& info = row.model.info;
    QVariantList lines;
    const auto line = [&lines](const QString& label, const QString& value) {
        if (!value.isEmpty())
            lines.append(QVariantMap{{QStringLiteral("label"), label}, {QStringLiteral("value"), value}});
    };
    line(tr("Family"), family(info));
    if (info.parameters > 0)
        line(tr("Parameters"), info.active_parameters > 0 && info.active_parameters != info.parameters
                                   ? tr("%1, of which %2 work on a token")
                                         .arg(countText(info.parameters), countText(info.active_parameters))
                                   : countText(info.parameters));
    if (info.context_length > 0)
        line(tr("Context"), tr("%1 tokens").arg(QLocale().toString(qlonglong{info.context_length})));
    if (const auto cache = info.kv_bytes_per_token.find("bf16"); cache != info.kv_bytes_per_token.end())
        line(tr("Latent cache"), tr("%1 for each token").arg(humanBytes(cache->second)));
    line(tr("Weights"), toQt(info.file_type));
    line(tr("Licence"), toQt(info.license));
    line(tr("Data"), toQt(info.attribution));
    for (const std::string& note : info.notes)
        line(tr("Note"), toQt(note));
    line(tr("File"), pathToQt(row.model.path));
    return lines;
}

QString ModelList::reason(const Row& row) const
{
    if (!row.model.error.empty())
        return toQt(row.model.error);
    const engine::MemoryPlan& plan = row.plan;
    if (plan.fits || plan.total <= 0)
        return plan.fits && plan.total > 0 ? tr("Needs %1 of the %2 that are free")
                                                 .arg(humanBytes(plan.total), humanBytes(plan.available))
                                           : toQt(plan.verdict);
    if (fits(row))
        return tr("Needs %1, which are free once the loaded model has gone").arg(humanBytes(plan.total));
    const QString needs = tr("Needs %1 of memory; %2 are free.")
                              .arg(humanBytes(plan.total), humanBytes(plan.available + m_held_bytes));
    if (plan.largest_context_tokens <= 0)
        return needs;
    return tr("%1 It would fit with %L2 tokens of context.").arg(needs).arg(plan.largest_context_tokens);
}

bool ModelList::fits(const Row& row) const
{
    if (!row.model.error.empty())
        return false;
    return row.plan.fits || (row.plan.total > 0 && row.plan.total <= row.plan.available + m_held_bytes);
}

void ModelList::noteHeldBytes()
{
    const bool isReady = m_engine.state() == EngineBridge::State::ready;
    if (!isReady || m_engine.device() == toUtf8(cpu) || toQt(m_engine.device()) != m_planned_device)
        m_held_bytes = 0;
    else if (const Row* row = current(); row && !reloadNeeded()) // planned as it was loaded
        m_held_bytes = row->plan.total;
}

QString ModelList::planText(const Row& row) const
{
    const engine::MemoryPlan& plan = row.plan;
    if (!row.model.error.empty() || plan.total <= 0)
        return {};
    const QString sizes =
        tr("weights %1 · cache %2 · workspace %3 · %4 free")
            .arg(humanBytes(plan.weights), humanBytes(plan.cache),
                 humanBytes(plan.scratch + plan.library + plan.vocabulary), humanBytes(plan.available));
    if (plan.fits)
        return tr("Fits: %1").arg(sizes);
    return fits(row) ? tr("Fits once the loaded model has gone: %1").arg(sizes)
                     : tr("Does not fit: %1").arg(sizes);
}

bool ModelList::isCurrent(const Row& row) const
{
    return m_engine.state() != EngineBridge::State::none && row.model.path == m_engine.path();
}

QString ModelList::rowState(const Row& row) const
{
    if (isCurrent(row)) {
        switch (m_engine.state()) {
        case EngineBridge::State::loading:
            return QStringLiteral("loading");
        case EngineBridge::State::ready:
            return QStringLiteral("loaded");
        case EngineBridge::State::failed:
            return QStringLiteral("failed");
        case EngineBridge::State::asleep:
            return QStringLiteral("asleep");
        case EngineBridge::State::none:
            break;
        }
    }
    return row.model.error.empty() ? QStringLiteral("available") : QStringLiteral("failed");
}

const ModelList::Row* ModelList::current() const
{
    const auto found =
        std::find_if(m_rows.begin(), m_rows.end(), [this](const Row& row) { return isCurrent(row); });
    return found == m_rows.end() ? nullptr : &*found;
}

QString ModelList::currentPath() const
{
    return m_engine.state() == EngineBridge::State::none ? QString() : pathToQt(m_engine.path());
}

QString ModelList::currentName() const
{
    if (m_engine.state() == EngineBridge::State::none)
        return {};
    if (const auto info = m_engine.info(); info && !info->name.empty())
        return toQt(info->name);
    if (const Row* row = current(); row && !row->model.info.name.empty())
        return toQt(row->model.info.name);
    return fileName(m_engine.path());
}

QString ModelList::currentDescription() const
{
    if (const auto info = m_engine.info())
        return toQt(info->description);
    const Row* row = current();
    return row ? toQt(row->model.info.description) : QString();
}

QString ModelList::currentIdentity() const
{
    const auto info = m_engine.info();
    return info ? toQt(info->identity) : QString();
}

double ModelList::plainCacheBytesPerToken() const
{
    const auto info = m_engine.info();
    if (!info)
        return 0.0;
    const auto bytes = info->plain_kv_bytes_per_token.find(
        m_engine.options().cache_type == engine::CacheType::f32 ? "f32" : "bf16");
    return bytes == info->plain_kv_bytes_per_token.end() ? 0.0 : static_cast<double>(bytes->second);
}

QStringList ModelList::names() const
{
    QStringList names;
    for (const Row& row : m_rows)
        names.append(toQt(row.model.info.name));
    names.removeDuplicates();
    names.removeAll(QString());
    return names;
}

QString ModelList::pathOf(const QString& identity) const
{
    const auto found = std::ranges::find_if(m_rows, [id = toUtf8(identity)](const Row& row) {
        return !id.empty() && row.model.info.identity == id;
    });
    return found == m_rows.end() ? QString() : pathToQt(found->model.path);
}

void ModelList::measure()
{
    m_measure_error.clear();
    m_engine.measure();
    emit measureChanged();
}

// By model and device, since each has a speed of its own.
void ModelList::keep(const engine::Speed& speed)
{
    QJsonObject all = QJsonDocument::fromJson(m_settings.speeds().toUtf8()).object();
    all.insert(currentIdentity() + u'@' + toQt(m_engine.device()),
               QJsonObject{{QStringLiteral("prompt"), speed.prompt_tps},
                           {QStringLiteral("promptLimit"), speed.prompt_limit_tps},
                           {QStringLiteral("generate"), speed.generate_tps},
                           {QStringLiteral("generateLimit"), speed.generate_limit_tps},
                           {QStringLiteral("readGbPerS"), speed.read_gb_per_s},
                           {QStringLiteral("gflopPerS"), speed.fp32_gflop_per_s}});
    m_settings.setSpeeds(QString::fromUtf8(QJsonDocument(all).toJson(QJsonDocument::Compact)));
    announceRow(m_engine.path());
}

QVariantMap ModelList::speed(const Row& row) const
{
    const QJsonObject all = QJsonDocument::fromJson(m_settings.speeds().toUtf8()).object();
    return all.value(toQt(row.model.info.identity) + u'@' + m_planned_device).toObject().toVariantMap();
}

bool ModelList::currentIsStarter() const
{
    return m_engine.state() != EngineBridge::State::none && m_engine.path() == m_places.starter;
}

QString ModelList::state() const
{
    switch (m_engine.state()) {
    case EngineBridge::State::none:
        return QStringLiteral("none");
    case EngineBridge::State::loading:
        return QStringLiteral("loading");
    case EngineBridge::State::ready:
        return QStringLiteral("ready");
    case EngineBridge::State::failed:
        return QStringLiteral("failed");
    case EngineBridge::State::asleep:
        return QStringLiteral("asleep");
    }
    return {};
}

double ModelList::progress() const
{
    if (m_engine.state() == EngineBridge::State::ready)
        return 1.0;
    const EngineBridge::Progress& progress = m_engine.progress();
    if (m_engine.state() != EngineBridge::State::loading || progress.bytesTotal <= 0)
        return 0.0;
    return std::clamp(static_cast<double>(progress.bytesDone) / static_cast<double>(progress.bytesTotal), 0.0,
                      1.0);
}

QString ModelList::progressText() const
{
    if (m_engine.state() != EngineBridge::State::loading)
        return {};
    const EngineBridge::Progress& progress = m_engine.progress();
    if (progress.bytesTotal <= 0)
        return progress.stage;
    const QString bytes = tr("%1 of %2").arg(humanBytes(progress.bytesDone), humanBytes(progress.bytesTotal));
    if (progress.layersTotal <= 0)
        return bytes;
    return tr("%1 · layer %2 of %3").arg(bytes).arg(progress.layersDone).arg(progress.layersTotal);
}

bool ModelList::reloadNeeded() const
{
    if (m_engine.state() != EngineBridge::State::ready)
        return false;
    const engine::LoadOptions wanted = m_settings.loadOptions();
    const engine::LoadOptions& has = m_engine.options();
    return wanted.device != has.device || wanted.threads != has.threads ||
           wanted.context_tokens != has.context_tokens || wanted.cache_type != has.cache_type;
}

QStringList ModelList::folders() const
{
    const QStringList chosen = m_settings.modelFolders();
    return chosen.isEmpty() ? QStringList{pathToQt(m_places.defaultFolder)} : chosen;
}

void ModelList::loadFirst(const QString& wanted)
{
    const QString last = m_settings.lastModel().isEmpty() ? starter_word : m_settings.lastModel();
    if (!wanted.isEmpty())
        load(wanted);
    else if (m_settings.loadAtStart())
        load(last);
    else
        m_engine.prepare(last == starter_word ? m_places.starter : pathFromQt(last),
                         m_settings.loadOptions());
}

void ModelList::load(const QString& path)
{
    m_engine.load(path == starter_word ? m_places.starter : pathFromQt(path), m_settings.loadOptions());
}

void ModelList::reload()
{
    if (m_engine.state() != EngineBridge::State::none)
        m_engine.load(m_engine.path(), m_settings.loadOptions());
}

void ModelList::useCpu()
{
    m_settings.setDevice(cpu);
    reload();
}

void ModelList::dismissNotice()
{
    m_notice.clear();
    emit noticeChanged();
}

void ModelList::announceRow(const std::filesystem::path& path)
{
    for (std::size_t i = 0; i < m_rows.size(); ++i) {
        if (m_rows[i].model.path == path) {
            const QModelIndex changed = index(static_cast<int>(i));
            emit dataChanged(changed, changed);
            return;
        }
    }
}

std::vector<ModelList::Row> ModelList::scan(const EngineFunctions& functions, const Places& places,
                                            const std::vector<std::filesystem::path>& folders,
                                            const std::filesystem::path& loaded,
                                            const std::atomic<bool>& stop)
{
    std::vector<std::filesystem::path> paths;
    std::error_code missing;
    if (std::filesystem::exists(places.starter, missing))
        paths.push_back(places.starter);
    if (loaded != places.starter && std::filesystem::exists(loaded, missing))
        paths.push_back(loaded); // given by its path, it may stand anywhere
    for (const std::filesystem::path& folder : folders) {
        for (std::filesystem::path& path : findModels(folder, stop)) {
            if (std::find(paths.begin(), paths.end(), path) == paths.end())
                paths.push_back(std::move(path));
        }
    }

    std::vector<Row> rows;
    for (FoundModel& model : inspectModels(paths, functions.inspect, stop)) {
        Row row;
        row.isStarter = model.path == places.starter;
        row.model = std::move(model);
        rows.push_back(std::move(row));
    }
    std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
        if (a.isStarter != b.isStarter)
            return a.isStarter;
        return a.model.info.name < b.model.info.name;
    });
    return rows;
}

ModelList::Found ModelList::plan(const EngineFunctions& functions, std::vector<Row> rows,
                                 engine::LoadOptions options, const std::atomic<bool>& stop)
{
    Found found;
    try {
        found.devices = functions.listDevices();
    } catch (const std::exception& error) {
        found.devices.why_no_gpu = error.what();
    }
    // A GPU that cannot be used is what the engine's bridge puts the CPU in place of.
    const bool isUsable =
        std::ranges::any_of(found.devices.devices, [&options](const engine::Device& device) {
            return device.id == options.device && device.why_not.empty();
        });
    if (!isUsable)
        options.device = toUtf8(cpu);
    found.planned = options.device;

    const std::int64_t context = options.context_tokens;
    for (Row& row : rows) {
        if (stop)
            break;
        if (!row.model.error.empty())
            continue;
        try {
            options.context_tokens = std::min(context, row.model.info.context_length);
            row.plan = functions.plan(row.model.info, options);
        } catch (const std::exception& error) {
            row.plan = {};
            row.plan.verdict = error.what();
        }
    }
    found.rows = std::move(rows);
    return found;
}

void ModelList::rescan()
{
    std::vector<std::filesystem::path> folders;
    for (const QString& folder : this->folders())
        folders.push_back(pathFromQt(folder));
    const std::filesystem::path loaded =
        m_engine.state() == EngineBridge::State::none ? std::filesystem::path() : m_engine.path();
    if (!m_scanning) {
        m_scanning = true;
        emit scanningChanged();
    }
    look([functions = m_functions, places = m_places, folders, loaded](const std::atomic<bool>& stop) {
        return scan(functions, places, folders, loaded, stop);
    });
}

void ModelList::replan()
{
    if (m_scanning) // what it finds is planned with the settings of now
        rescan();
    else
        look([rows = m_rows](const std::atomic<bool>&) { return rows; });
}

void ModelList::look(std::function<std::vector<Row>(const std::atomic<bool>&)> rows)
{
    if (m_scan_stop)
        *m_scan_stop = true;
    m_scan_stop = std::make_shared<std::atomic<bool>>(false);
    m_files.post([functions = m_functions, options = m_settings.loadOptions(), rows = std::move(rows),
                  stop = m_scan_stop, &mailbox = m_mailbox, self = QPointer<ModelList>(this)] {
        if (*stop)
            return;
        auto found = std::make_shared<Found>(plan(functions, rows(*stop), options, *stop));
        mailbox.post([self, stop, found] {
            if (self && !*stop)
                self->show(std::move(*found));
        });
    });
}

void ModelList::show(Found found)
{
    showDevices(found);
    const bool isSame = std::ranges::equal(
        m_rows, found.rows, [](const Row& a, const Row& b) { return a.model.path == b.model.path; });
    if (isSame) { // views keep their place
        m_rows = std::move(found.rows);
        if (count() > 0)
            emit dataChanged(index(0), index(count() - 1));
    } else {
        beginResetModel();
        m_rows = std::move(found.rows);
        endResetModel();
        emit countChanged();
    }
    noteHeldBytes();
    if (m_scanning) {
        m_scanning = false;
        emit scanningChanged();
    }
    emit currentChanged();
}

void ModelList::showDevices(const Found& found)
{
    QVariantList devices;
    QStringList names; // of those that can be used
    const auto add = [&devices](const QString& id, const QString& name, const QString& detail, bool usable) {
        devices.append(QVariantMap{{QStringLiteral("id"), id},
                                   {QStringLiteral("name"), name},
                                   {QStringLiteral("detail"), detail},
                                   {QStringLiteral("usable"), usable}});
    };
    const QString chosen = m_settings.device();
    bool isThere = false;
    m_planned_device = toQt(found.planned);
    for (const engine::Device& device : found.devices.devices) {
        const QString id = toQt(device.id);
        const QString name = toQt(device.name);
        const bool usable = device.why_not.empty();
        isThere = isThere || id == chosen;
        if (usable)
            names.append(name);
        if (id == m_planned_device)
            m_planned_device_name = name;
        QStringList detail;
        if (!usable)
            detail.append(toQt(device.why_not));
        else if (device.memory_bytes > 0)
            detail.append(
                tr("%1, %2 free").arg(humanBytes(device.memory_bytes), humanBytes(device.free_bytes)));
        if (!device.detail.empty())
            detail.append(toQt(device.detail));
        add(id, name, detail.join(QStringLiteral(" · ")), usable);
    }
    if (!isThere && chosen != cpu)
        add(chosen, chosen, tr("Not on this machine now; the CPU computes instead."), false);
    m_devices = devices;
    m_no_gpu_text = toQt(found.devices.why_no_gpu);
    emit devicesChanged();

    QString text = tr("Computes on: %1.").arg(names.join(QStringLiteral(", ")));
    if (!m_no_gpu_text.isEmpty())
        text += u' ' + m_no_gpu_text;
    if (m_build_text != text) {
        m_build_text = text;
        emit buildTextChanged();
    }
}

void ModelList::addFolder(const QUrl& folder)
{
    const QString path = folder.isLocalFile() ? folder.toLocalFile() : folder.path();
    QStringList chosen = folders();
    if (path.isEmpty() || chosen.contains(path))
        return;
    chosen.append(path);
    m_settings.setModelFolders(chosen);
}

void ModelList::removeFolder(const QString& folder)
{
    QStringList chosen = folders();
    if (chosen.removeAll(folder) > 0)
        m_settings.setModelFolders(chosen);
}

} // namespace ui
