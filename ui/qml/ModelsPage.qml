// SPDX-License-Identifier: MIT
// The models that were found, as a table one can read, and the folders they are looked for in.
import QtCore
import QtQuick
import QtQuick.Controls.Basic
import QtQuick.Dialogs
import Fathom
import Fathom.Core

Rectangle {
    id: page

    property bool sidebarVisible: true
    readonly property real pageWidth: Math.min(Theme.wideWidth, width - 2 * Theme.gap32)
    readonly property bool narrow: pageWidth < Theme.px(640)
    // Columns behind the name, right to left: size, type, family.
    readonly property real sizeWidth: Theme.px(84)
    readonly property real typeWidth: narrow ? 0 : Theme.px(90)
    readonly property real familyWidth: narrow ? 0 : Theme.px(130)
    readonly property real stateWidth: Theme.px(narrow ? 136 : 166)

    signal toggleSidebar()
    signal closed()
    signal showSettings()

    function addFolder() { folderDialog.open() }

    color: Theme.window
    Component.onCompleted: Models.replan() // what the devices have free changes all the time
    onVisibleChanged: if (visible) Models.replan()
    Accessible.role: Accessible.Pane
    Accessible.name: qsTr("Models")

    FolderDialog {
        id: folderDialog
        title: qsTr("A folder that holds models")
        acceptLabel: qsTr("Add")
        currentFolder: StandardPaths.writableLocation(StandardPaths.HomeLocation)
        onAccepted: Models.addFolder(selectedFolder)
    }
    PageHeader {
        id: head
        width: parent.width
        title: qsTr("Models")
        sidebarVisible: page.sidebarVisible
        onToggleSidebar: page.toggleSidebar()
        onClosed: page.closed()
        FButton {
            text: Models.scanning ? qsTr("Looking…") : qsTr("Look again")
            iconName: "regenerate"
            flat: true
            enabled: !Models.scanning
            onClicked: Models.rescan()
        }
        FButton {
            text: qsTr("Add folder…")
            iconName: "folder"
            onClicked: page.addFolder()
        }
    }
    ListView {
        id: list
        anchors.top: head.bottom
        anchors.bottom: parent.bottom
        anchors.left: parent.left
        anchors.right: parent.right
        clip: true
        boundsBehavior: Flickable.StopAtBounds
        activeFocusOnTab: true
        keyNavigationEnabled: true
        currentIndex: -1
        model: Models
        Accessible.role: Accessible.Table
        Accessible.name: qsTr("Models")
        onActiveFocusChanged: if (activeFocus && currentIndex < 0 && count > 0) currentIndex = 0
        Keys.onReturnPressed: if (currentItem) currentItem.act()
        ScrollBar.vertical: FScrollBar {}

        header: Item {
            width: list.width
            height: Theme.px(96)
            Item { // what the plans below are for
                x: (parent.width - page.pageWidth) / 2
                y: Theme.gap12
                width: page.pageWidth
                height: Theme.controlHeight
                FText {
                    x: Theme.gap12
                    width: parent.width - change.width - Theme.gap24
                    height: parent.height
                    verticalAlignment: Text.AlignVCenter
                    text: Settings.contextLength > 0
                        ? qsTr("Planned for %1 with %2 tokens of context").arg(Models.plannedDeviceName)
                          .arg(Settings.contextLength.toLocaleString(Qt.locale(), "f", 0))
                        : qsTr("Planned for %1 with the context length that suits each model")
                          .arg(Models.plannedDeviceName)
                    visible: Models.plannedDeviceName !== ""
                    color: Theme.textMuted
                }
                FButton {
                    id: change
                    anchors.right: parent.right
                    anchors.rightMargin: Theme.gap8
                    flat: true
                    text: qsTr("Change…")
                    Accessible.name: qsTr("Change the device or the context length")
                    onClicked: page.showSettings()
                }
            }
            Item {
                x: (parent.width - page.pageWidth) / 2
                width: page.pageWidth
                anchors.bottom: parent.bottom
                height: Theme.px(34)
                component ColumnName: FText {
                    font.pixelSize: Theme.captionSize
                    color: Theme.textMuted
                    height: parent.height
                }
                ColumnName {
                    x: Theme.gap12
                    text: qsTr("Name")
                }
                ColumnName {
                    visible: !page.narrow
                    x: parent.width - page.stateWidth - page.sizeWidth - page.typeWidth - page.familyWidth
                    text: qsTr("Family")
                }
                ColumnName {
                    visible: !page.narrow
                    x: parent.width - page.stateWidth - page.sizeWidth - page.typeWidth
                    text: qsTr("Type")
                }
                ColumnName {
                    x: parent.width - page.stateWidth - page.sizeWidth
                    width: page.sizeWidth - Theme.gap16
                    horizontalAlignment: Text.AlignRight
                    text: qsTr("Size")
                }
                Rectangle {
                    anchors.bottom: parent.bottom
                    width: parent.width
                    height: Theme.hairline
                    color: Theme.line
                }
            }
        }
        delegate: Item {
            id: row
            required property int index
            required property var model
            readonly property bool loading: model.state === "loading"
            readonly property bool loaded: model.state === "loaded"
            readonly property bool asleep: model.state === "asleep"
            readonly property bool measuring: loaded && Models.measuring
            readonly property string remark: model.state === "failed" ? model.errorText
                : !model.fits ? model.reason
                : loading ? Models.progressText
                : asleep ? qsTr("Not in memory now; the next answer loads it.")
                : [model.description, model.parametersText,
                   model.contextLength > 0
                       ? qsTr("context %1").arg(model.contextLength.toLocaleString(Qt.locale(), "f", 0)) : ""]
                  .filter(part => part).join(" · ")

            function act() {
                if (loading)
                    Models.cancelLoad()
                else if (loaded || asleep)
                    Models.unload()
                else if (model.fits)
                    Models.load(model.path)
            }

            width: ListView.view ? ListView.view.width : 0
            height: content.height + Theme.gap24
            Accessible.role: Accessible.Row
            Accessible.name: [model.name, model.family, model.type, model.sizeText, remark]
                .filter(part => part).join(", ")

            Rectangle {
                x: frame.x
                y: Theme.px(2)
                width: frame.width
                height: parent.height - Theme.px(4)
                radius: Theme.radius
                color: hover.hovered ? Theme.hover(false) : "transparent"
                border.width: row.ListView.isCurrentItem && list.activeFocus ? 2 : 0
                border.color: Theme.accent
            }
            HoverHandler { id: hover }
            Item {
                id: frame
                x: (parent.width - page.pageWidth) / 2
                width: page.pageWidth
                height: parent.height
                Column {
                    id: content
                    x: Theme.gap12
                    y: Theme.gap12
                    width: parent.width - page.stateWidth - page.sizeWidth - page.typeWidth - page.familyWidth
                           - Theme.gap24
                    spacing: 3
                    FText {
                        width: parent.width
                        text: row.model.name
                        font.weight: row.model.current ? Theme.strong : Theme.regular
                    }
                    FText { // the columns beside stand on the first line alone
                        width: frame.width - page.stateWidth - Theme.gap24
                        visible: text !== ""
                        wrapMode: Text.Wrap
                        maximumLineCount: 3
                        text: row.remark
                        font.pixelSize: Theme.captionSize
                        color: row.model.state === "failed" ? Theme.danger
                            : !row.model.fits ? Theme.warning : Theme.textMuted
                    }
                    FText {
                        width: frame.width - page.stateWidth - Theme.gap24
                        visible: text !== ""
                        wrapMode: Text.Wrap
                        maximumLineCount: 2
                        text: row.model.plan
                        font.pixelSize: Theme.captionSize
                        color: Theme.textMuted
                    }
                    Row {
                        visible: !row.model.fits && row.model.plan !== ""
                        topPadding: Theme.gap4
                        spacing: Theme.gap8
                        FButton {
                            visible: row.model.largestContext > 0
                            implicitHeight: Theme.px(30)
                            text: qsTr("Use %1 tokens")
                                .arg(row.model.largestContext.toLocaleString(Qt.locale(), "f", 0))
                            Accessible.name: qsTr("%1 of context for %2").arg(text).arg(row.model.name)
                            onClicked: Settings.contextLength = row.model.largestContext
                        }
                        FButton {
                            visible: Models.plannedDevice !== "cpu"
                            implicitHeight: Theme.px(30)
                            text: qsTr("Use the CPU")
                            Accessible.name: qsTr("%1 for %2").arg(text).arg(row.model.name)
                            onClicked: Settings.device = "cpu"
                        }
                    }
                    SpeedBars {
                        width: frame.width - page.stateWidth - Theme.gap24
                        topPadding: Theme.gap4
                        speed: row.model.speed
                    }
                    Row {
                        visible: row.loaded
                        topPadding: Theme.gap4
                        spacing: Theme.gap8
                        FButton {
                            objectName: "measureButton"
                            implicitHeight: Theme.px(30)
                            iconName: "speed"
                            text: row.measuring ? qsTr("Stop measuring") : qsTr("Measure this machine")
                            onClicked: row.measuring ? Models.cancelMeasure() : Models.measure()
                        }
                        FText {
                            visible: text !== ""
                            anchors.verticalCenter: parent.verticalCenter
                            anchors.verticalCenterOffset: parent.topPadding / 2
                            width: Math.min(implicitWidth, frame.width - page.stateWidth - Theme.px(260))
                            text: row.measuring
                                ? qsTr("%1 % · a prompt is read and an answer written")
                                  .arg(Math.round(100 * Models.measureProgress))
                                : Models.measureError !== "" ? Models.measureError
                                : row.model.speed.generate === undefined
                                ? qsTr("How fast this model is here, beside what the machine allows") : ""
                            font.pixelSize: Theme.captionSize
                            color: Models.measureError !== "" && !row.measuring ? Theme.danger : Theme.textMuted
                        }
                    }
                    Rectangle {
                        visible: row.loading
                        width: Math.min(parent.width, Theme.px(260))
                        height: Theme.px(3)
                        radius: height / 2
                        color: Theme.line
                        Rectangle {
                            width: parent.width * Math.max(0.02, Math.min(1, row.model.progress))
                            height: parent.height
                            radius: height / 2
                            color: Theme.accent
                        }
                    }
                }
                FText {
                    visible: !page.narrow
                    x: parent.width - page.stateWidth - page.sizeWidth - page.typeWidth - page.familyWidth
                    width: page.familyWidth - Theme.gap8
                    y: content.y
                    text: row.model.family
                    color: Theme.textMuted
                }
                FText {
                    visible: !page.narrow
                    x: parent.width - page.stateWidth - page.sizeWidth - page.typeWidth
                    width: page.typeWidth - Theme.gap8
                    y: content.y
                    text: row.model.type
                    color: Theme.textMuted
                }
                FText {
                    x: parent.width - page.stateWidth - page.sizeWidth
                    width: page.sizeWidth - Theme.gap16
                    y: content.y
                    horizontalAlignment: Text.AlignRight
                    text: row.model.sizeText
                    color: Theme.textMuted
                }
                IconButton {
                    anchors.right: loadButton.left
                    anchors.rightMargin: Theme.gap4
                    anchors.verticalCenter: parent.verticalCenter
                    iconName: "info"
                    iconSize: 16
                    text: qsTr("About %1").arg(row.model.name)
                    onClicked: card.open()
                    ModelCard {
                        id: card
                        name: row.model.name
                        description: row.model.description
                        about: row.model.about
                    }
                }
                FButton {
                    id: loadButton
                    anchors.right: parent.right
                    anchors.rightMargin: Theme.gap8
                    anchors.verticalCenter: parent.verticalCenter
                    implicitHeight: Theme.px(30)
                    enabled: row.model.fits || row.loading || row.loaded || row.asleep
                    primary: row.model.fits && !row.loaded && !row.loading && Models.state === "none"
                        && row.index === 0
                    text: row.loading ? qsTr("Cancel") : row.loaded || row.asleep ? qsTr("Unload")
                        : row.model.state === "failed" ? qsTr("Try again") : qsTr("Load")
                    Accessible.name: text + " " + row.model.name
                    onClicked: row.act()
                }
                Rectangle {
                    anchors.bottom: parent.bottom
                    width: parent.width
                    height: Theme.hairline
                    color: Theme.line
                }
            }
        }
        footer: Item {
            width: list.width
            height: foot.height + Theme.px(80)
            Column {
                id: foot
                x: (parent.width - page.pageWidth) / 2
                width: page.pageWidth
                topPadding: list.count === 0 ? 0 : Theme.gap24
                spacing: Theme.gap8
                FText {
                    visible: list.count === 0
                    width: parent.width
                    leftPadding: Theme.gap12
                    topPadding: Theme.gap16
                    bottomPadding: Theme.gap16
                    wrapMode: Text.Wrap
                    text: Models.scanning ? qsTr("Looking for models…")
                        : qsTr("No models were found. Add a folder with GGUF files or Hugging Face folders "
                               + "of the DeepSeek-V2 family.")
                    color: Theme.textMuted
                }
                FText {
                    topPadding: Theme.gap8
                    text: qsTr("Folders")
                    font.pixelSize: Theme.titleSize
                    font.weight: Theme.strong
                    Accessible.role: Accessible.Heading
                    Accessible.name: text
                }
                FText {
                    visible: Settings.modelFolders.length === 0
                    width: parent.width
                    wrapMode: Text.Wrap
                    text: qsTr("Only the model that comes with the program and the Hugging Face cache "
                               + "are looked at.")
                    color: Theme.textMuted
                }
                Repeater {
                    model: Settings.modelFolders
                    Item {
                        id: folder
                        required property string modelData
                        width: foot.width
                        height: Theme.px(36)
                        Icon {
                            id: folderIcon
                            x: Theme.gap12
                            anchors.verticalCenter: parent.verticalCenter
                            width: Theme.px(17)
                            height: width
                            name: "folder"
                            color: Theme.textMuted
                        }
                        FText {
                            anchors.left: folderIcon.right
                            anchors.leftMargin: Theme.gap8
                            anchors.right: removeButton.left
                            anchors.verticalCenter: parent.verticalCenter
                            elide: Text.ElideMiddle
                            text: folder.modelData
                        }
                        IconButton {
                            id: removeButton
                            anchors.right: parent.right
                            anchors.rightMargin: Theme.gap8
                            anchors.verticalCenter: parent.verticalCenter
                            iconName: "close"
                            iconSize: 14
                            text: qsTr("No longer look in %1").arg(folder.modelData)
                            onClicked: Models.removeFolder(folder.modelData)
                        }
                    }
                }
                FText {
                    width: parent.width
                    topPadding: Theme.gap8
                    wrapMode: Text.Wrap
                    text: Models.buildText
                    font.pixelSize: Theme.captionSize
                    color: Theme.textMuted
                }
            }
        }
    }
}
