// SPDX-License-Identifier: MIT
// The settings of what is kept: where it lies, for how long, its backups, and the way out and in.
import QtCore
import QtQuick
import QtQuick.Dialogs
import Fathom
import Fathom.Core

SettingSection {
    id: section

    property string filter
    readonly property bool busy: History.doing !== ""

    title: qsTr("Your data")
    onVisibleChanged: if (visible) History.readBackups()

    SettingRow {
        setting: ""
        name: qsTr("Where it is")
        sentence: Platform.profilePath
        filter: section.filter
        FButton {
            text: qsTr("Copy path")
            iconName: "copy"
            onClicked: Platform.copy(Platform.profilePath)
        }
    }
    SettingRow {
        setting: "notify"
        name: qsTr("Tell of finished answers")
        sentence: qsTr("The desktop shows a note when an answer ends out of view. It names the conversation, "
                       + "never the text.")
        filter: section.filter
        FSwitch {
            text: qsTr("Tell of finished answers")
            checked: Settings.notify
            onToggled: Settings.notify = checked
        }
    }
    SettingRow {
        setting: "trashDays"
        name: qsTr("Days in the trash")
        sentence: qsTr("After them a deleted conversation is gone for ever.")
        filter: section.filter
        NumberField {
            Accessible.name: qsTr("Days in the trash")
            value: Settings.trashDays
            from: 0
            to: 3650
            specialValue: 0
            special: qsTr("never")
            onChosen: value => Settings.trashDays = value
        }
    }
    SettingRow {
        setting: ""
        name: qsTr("Export and import")
        sentence: qsTr("All conversations as Markdown, HTML or JSON; conversations that were exported as JSON "
                       + "come back without loss.")
        filter: section.filter
        Row {
            spacing: Theme.gap8
            FButton {
                text: qsTr("Export…")
                iconName: "export"
                enabled: !section.busy
                onClicked: exportDialog.ask([])
            }
            FButton {
                text: qsTr("Import…")
                iconName: "import"
                enabled: !section.busy
                onClicked: importDialog.open()
            }
        }
    }
    SettingRow {
        setting: "backups"
        name: qsTr("Backups")
        sentence: qsTr("A complete copy of the history beside it, made while the program runs.")
        filter: section.filter
        FChoice {
            name: qsTr("Backups")
            options: [{ value: "off", text: qsTr("Off") }, { value: "daily", text: qsTr("Daily") },
                      { value: "weekly", text: qsTr("Weekly") }]
            value: Settings.backups
            onChosen: value => Settings.backups = value
        }
    }
    SettingRow {
        setting: "backupsKept"
        name: qsTr("Backups to keep")
        sentence: qsTr("Older ones are deleted when a new one is complete.")
        filter: section.filter
        NumberField {
            Accessible.name: qsTr("Backups to keep")
            value: Settings.backupsKept
            from: 1
            to: 50
            onChosen: value => Settings.backupsKept = value
        }
    }
    SettingRow {
        setting: ""
        name: qsTr("Check and repair")
        sentence: section.busy
            ? History.doing + (History.messagesDone > 0
                ? " · " + qsTr("%1 messages").arg(History.messagesDone.toLocaleString(Qt.locale(), "f", 0)) : "")
            : History.result !== "" ? [History.result].concat(History.findings).join("\n")
            : History.backups.length > 0
                ? qsTr("The last backup is of %1.").arg(
                    Qt.formatDateTime(History.backups[0].time, Qt.locale(), Locale.ShortFormat))
                : qsTr("There is no backup yet.")
        filter: section.filter
        wide: true
        Flow {
            width: parent.width
            spacing: Theme.gap8
            FButton {
                objectName: "backUpNow"
                text: qsTr("Back up now")
                enabled: !section.busy
                onClicked: History.backUpNow()
            }
            FButton {
                objectName: "checkHistory"
                text: qsTr("Check")
                enabled: !section.busy
                onClicked: History.check()
            }
            FButton {
                text: qsTr("Repair…")
                enabled: !section.busy
                onClicked: repairDialog.open()
            }
            FButton {
                text: qsTr("Restore a backup…")
                enabled: !section.busy && History.backups.length > 0
                onClicked: restoreDialog.open()
            }
            FButton {
                visible: section.busy
                text: qsTr("Cancel")
                onClicked: History.cancel()
            }
        }
        ExportDialog { id: exportDialog }
        RestoreDialog { id: restoreDialog }
        FDialog {
            id: repairDialog
            title: qsTr("Repair the history?")
            sentence: qsTr("A new history is made of everything that can be read, and takes the place of this "
                           + "one, which is kept. That can take minutes.")
            acceptText: qsTr("Repair")
            onAccepted: History.repair()
        }
        FileDialog {
            id: importDialog
            title: qsTr("Import conversations")
            acceptLabel: qsTr("Import")
            currentFolder: StandardPaths.writableLocation(StandardPaths.HomeLocation)
            nameFilters: [qsTr("Exported conversations (*.json)"), qsTr("All files (*)")]
            onAccepted: History.importFrom(selectedFile)
        }
    }
}
