// SPDX-License-Identifier: MIT
// All settings on one page: sections at the left, a search box, one row for each.
import QtQuick
import QtQuick.Controls.Basic
import QtQuick.Templates as T
import Fathom.Core

Rectangle {
    id: page

    property bool sidebarVisible: true
    readonly property bool narrow: width < Theme.px(700)
    readonly property string filter: search.text.trim()
    readonly property var sections: [appearance, answers, model, data, about]
    property int current: 0

    signal toggleSidebar()
    signal closed()
    signal showModels()

    color: Theme.window
    Accessible.role: Accessible.Pane
    Accessible.name: qsTr("Settings")

    PageHeader {
        id: head
        width: parent.width
        title: qsTr("Settings")
        sidebarVisible: page.sidebarVisible
        onToggleSidebar: page.toggleSidebar()
        onClosed: page.closed()
    }
    Column {
        id: index
        visible: !page.narrow
        anchors.top: head.bottom
        anchors.topMargin: Theme.gap16
        x: Theme.gap24
        width: visible ? Theme.px(160) : 0
        spacing: 2
        Repeater {
            model: page.sections
            T.TabButton {
                id: entry
                required property int index
                required property var modelData
                width: parent.width
                implicitHeight: Theme.controlHeight
                focusPolicy: Qt.TabFocus
                hoverEnabled: true
                text: modelData.title
                enabled: modelData.visible // something in it is searched for
                checked: enabled && page.current === index
                Accessible.name: text
                Accessible.selectable: true
                Accessible.selected: checked
                onClicked: {
                    page.current = index
                    scroll.contentY = Math.min(modelData.y, Math.max(0, scroll.contentHeight - scroll.height))
                }
                Keys.onReturnPressed: clicked()
                contentItem: FText {
                    leftPadding: Theme.gap12
                    text: entry.text
                    font.weight: entry.checked ? Theme.strong : Theme.regular
                    color: entry.enabled ? Theme.text : Theme.textMuted
                }
                background: Rectangle {
                    radius: Theme.radius
                    color: entry.checked ? Theme.selection
                        : entry.hovered ? Theme.hover(false) : "transparent"
                    FocusRing { target: entry }
                }
            }
        }
    }
    Flickable {
        id: scroll
        anchors.top: head.bottom
        anchors.bottom: parent.bottom
        anchors.left: page.narrow ? parent.left : index.right
        anchors.right: parent.right
        contentWidth: width
        contentHeight: body.height + Theme.gap32
        boundsBehavior: Flickable.StopAtBounds
        clip: true
        ScrollBar.vertical: FScrollBar {}
        onContentYChanged: {
            for (let i = page.sections.length - 1; i >= 0; --i) {
                if (page.sections[i].visible && page.sections[i].y <= contentY + Theme.px(60)) {
                    page.current = i
                    break
                }
            }
        }

        Column {
            id: body
            x: Math.max(Theme.gap32, (scroll.width - width) / 2)
            width: Math.min(Theme.px(620), scroll.width - 2 * Theme.gap32)
            topPadding: Theme.gap16

            FTextField {
                id: search
                width: parent.width
                iconName: "search"
                placeholderText: qsTr("Search the settings")
                Keys.onEscapePressed: event => {
                    event.accepted = text !== ""
                    text = ""
                }
            }
            SettingSection {
                id: appearance
                title: qsTr("Appearance")
                SettingRow {
                    setting: "theme"
                    name: qsTr("Theme")
                    sentence: qsTr("Light, dark, or as the system says.")
                    filter: page.filter
                    FChoice {
                        name: qsTr("Theme")
                        options: [{ value: "system", text: qsTr("System") },
                                  { value: "light", text: qsTr("Light") },
                                  { value: "dark", text: qsTr("Dark") }]
                        value: Settings.theme
                        onChosen: value => Settings.theme = value
                    }
                }
                SettingRow {
                    setting: "accent"
                    name: qsTr("Accent")
                    sentence: qsTr("The one colour of buttons, links and the selection.")
                    filter: page.filter
                    AccentPicker {}
                }
                SettingRow {
                    setting: "zoom"
                    name: qsTr("Size")
                    sentence: qsTr("Of all text and controls, in percent. "
                                   + "Ctrl+Plus and Ctrl+Minus do the same.")
                    filter: page.filter
                    NumberField {
                        Accessible.name: qsTr("Size in percent")
                        value: Math.round(Settings.zoom * 100)
                        from: 50
                        to: 300
                        step: 10
                        onChosen: value => Settings.zoom = value / 100
                    }
                }
                SettingRow {
                    setting: "fontFamily"
                    name: qsTr("Font")
                    sentence: qsTr("For reading and for the interface. Empty: %1.").arg(Platform.uiFont)
                    filter: page.filter
                    FTextField {
                        implicitWidth: Theme.px(180)
                        Accessible.name: qsTr("Font")
                        placeholderText: Platform.uiFont
                        text: Settings.fontFamily
                        onEditingFinished: Settings.fontFamily = text.trim()
                    }
                }
                SettingRow {
                    setting: "showPreview"
                    name: qsTr("Preview in the sidebar")
                    sentence: qsTr("A second line under each title with the beginning of the last message.")
                    filter: page.filter
                    FSwitch {
                        text: qsTr("Preview in the sidebar")
                        checked: Settings.showPreview
                        onToggled: Settings.showPreview = checked
                    }
                }
                SettingRow {
                    setting: "reduceMotion"
                    name: qsTr("Less motion")
                    sentence: qsTr("Nothing fades or slides.")
                    filter: page.filter
                    FSwitch {
                        text: qsTr("Less motion")
                        checked: Settings.reduceMotion
                        onToggled: Settings.reduceMotion = checked
                    }
                }
            }
            SettingSection {
                id: answers
                title: qsTr("Answers")
                SettingRow {
                    setting: "systemPrompt"
                    name: qsTr("System prompt")
                    sentence: qsTr("What every conversation tells the model before the first message. "
                                   + "A conversation may have its own.")
                    filter: page.filter
                    wide: true
                    MultilineField {
                        width: parent.width
                        Accessible.name: qsTr("System prompt")
                        value: Settings.systemPrompt
                        placeholderText: qsTr("For example: Answer briefly and in plain words.")
                        onChosen: value => Settings.systemPrompt = value
                    }
                }
                SettingRow {
                    setting: "temperature"
                    name: qsTr("Temperature")
                    sentence: qsTr("How freely words are chosen. 0 always takes the likeliest.")
                    filter: page.filter
                    NumberField {
                        Accessible.name: qsTr("Temperature")
                        value: Settings.temperature
                        from: 0
                        to: 2
                        step: 0.05
                        decimals: 2
                        onChosen: value => Settings.temperature = value
                    }
                }
                SettingRow {
                    setting: "topP"
                    name: qsTr("Top p")
                    sentence: qsTr("Only the likeliest words that together reach this share. 1 is off.")
                    filter: page.filter
                    NumberField {
                        Accessible.name: qsTr("Top p")
                        value: Settings.topP
                        from: 0.01
                        to: 1
                        step: 0.05
                        decimals: 2
                        onChosen: value => Settings.topP = value
                    }
                }
                SettingRow {
                    setting: "topK"
                    name: qsTr("Top k")
                    sentence: qsTr("Only this many of the likeliest words.")
                    filter: page.filter
                    NumberField {
                        Accessible.name: qsTr("Top k")
                        value: Settings.topK
                        from: 0
                        to: 1000
                        specialValue: 0
                        special: qsTr("off")
                        onChosen: value => Settings.topK = value
                    }
                }
                SettingRow {
                    setting: "minP"
                    name: qsTr("Min p")
                    sentence: qsTr("Leaves out words less likely than this share of the likeliest. 0 is off.")
                    filter: page.filter
                    NumberField {
                        Accessible.name: qsTr("Min p")
                        value: Settings.minP
                        from: 0
                        to: 1
                        step: 0.01
                        decimals: 2
                        onChosen: value => Settings.minP = value
                    }
                }
                SettingRow {
                    setting: "repeatPenalty"
                    name: qsTr("Repetition penalty")
                    sentence: qsTr("Makes words that were just used less likely. 1 is off.")
                    filter: page.filter
                    NumberField {
                        Accessible.name: qsTr("Repetition penalty")
                        value: Settings.repeatPenalty
                        from: 0.5
                        to: 2
                        step: 0.05
                        decimals: 2
                        onChosen: value => Settings.repeatPenalty = value
                    }
                }
                SettingRow {
                    setting: "maxTokens"
                    name: qsTr("Longest answer")
                    sentence: qsTr("In tokens. Without a limit an answer may fill the context.")
                    filter: page.filter
                    NumberField {
                        Accessible.name: qsTr("Longest answer in tokens")
                        value: Settings.maxTokens
                        from: 0
                        to: 1000000
                        step: 256
                        specialValue: 0
                        special: qsTr("no limit")
                        onChosen: value => Settings.maxTokens = value
                    }
                }
                SettingRow {
                    setting: "contextPolicy"
                    name: qsTr("When the context is full")
                    sentence: Settings.contextPolicy === "oldest"
                        ? qsTr("The oldest turns are left out; a line shows from where on the model sees.")
                        : Settings.contextPolicy === "middle"
                        ? qsTr("The first turn stays, those after it are left out; a line shows them.")
                        : qsTr("An answer that does not fit is refused, and says what can be done.")
                    keywords: qsTr("stop oldest middle turns left out")
                    filter: page.filter
                    wide: true
                    FChoice {
                        name: qsTr("When the context is full")
                        options: [{ value: "stop", text: qsTr("Stop and say so") },
                                  { value: "oldest", text: qsTr("Drop the oldest turns") },
                                  { value: "middle", text: qsTr("Keep the first, drop the middle") }]
                        value: Settings.contextPolicy
                        onChosen: value => Settings.contextPolicy = value
                    }
                }
                SettingRow {
                    setting: "seed"
                    name: qsTr("Seed")
                    sentence: qsTr("The same seed gives the same answer again.")
                    filter: page.filter
                    NumberField {
                        Accessible.name: qsTr("Seed")
                        value: Settings.seed
                        from: -1
                        to: 4294967295
                        specialValue: -1
                        special: qsTr("random")
                        onChosen: value => Settings.seed = value
                    }
                }
            }
            SettingSection {
                id: model
                title: qsTr("Model")
                SettingRow {
                    setting: "loadAtStart"
                    name: qsTr("Load at the start")
                    sentence: qsTr("The model that was used last is in memory when one begins to write. "
                                   + "Else the first answer loads it.")
                    filter: page.filter
                    FSwitch {
                        text: qsTr("Load at the start")
                        checked: Settings.loadAtStart
                        onToggled: Settings.loadAtStart = checked
                    }
                }
                SettingRow {
                    setting: "keepAlive"
                    name: qsTr("Unload after")
                    sentence: qsTr("Minutes without an answer. The next answer loads the model again.")
                    filter: page.filter
                    NumberField {
                        Accessible.name: qsTr("Minutes until the model is unloaded")
                        value: Settings.keepAlive
                        from: 0
                        to: 1440
                        step: 5
                        specialValue: 0
                        special: qsTr("never")
                        onChosen: value => Settings.keepAlive = value
                    }
                }
                SettingRow {
                    setting: "modelFolders"
                    name: qsTr("Model folders")
                    sentence: qsTr("Where models are looked for: GGUF files and Hugging Face folders.")
                    filter: page.filter
                    FButton {
                        text: qsTr("Show")
                        iconName: "folder"
                        onClicked: page.showModels()
                    }
                }
                SettingRow {
                    setting: ""
                    name: qsTr("Load the model again")
                    sentence: qsTr("Some settings below were changed since it was loaded.")
                    filter: page.filter
                    shown: Models.reloadNeeded
                    FButton {
                        text: qsTr("Load again")
                        iconName: "regenerate"
                        primary: true
                        onClicked: Models.reload()
                    }
                }
                SettingRow {
                    setting: "device"
                    name: qsTr("Device")
                    sentence: [qsTr("What computes the answers. Applies when a model is loaded."),
                               Models.noGpuText].filter(part => part !== "").join(" ")
                    filter: page.filter
                    wide: true
                    DeviceChoice { width: parent.width }
                }
                SettingRow {
                    setting: "threads"
                    name: qsTr("Threads")
                    sentence: qsTr("Of the processor, of %1 that are there.").arg(Platform.threadsAvailable)
                    filter: page.filter
                    NumberField {
                        Accessible.name: qsTr("Threads")
                        value: Settings.threads
                        from: 0
                        to: Math.max(1, Platform.threadsAvailable)
                        specialValue: 0
                        special: qsTr("automatic")
                        onChosen: value => Settings.threads = value
                    }
                }
                SettingRow {
                    setting: "contextLength"
                    name: qsTr("Context length")
                    sentence: qsTr("How many tokens of a conversation the model sees. "
                                   + "Applies when a model is loaded.")
                    filter: page.filter
                    NumberField {
                        Accessible.name: qsTr("Context length in tokens")
                        value: Settings.contextLength
                        from: 0
                        to: 1000000
                        step: 1024
                        specialValue: 0
                        special: qsTr("automatic")
                        onChosen: value => Settings.contextLength = value
                    }
                }
                SettingRow {
                    setting: "cacheType"
                    name: qsTr("Cache")
                    sentence: qsTr("bf16 takes half the memory of f32. Applies when a model is loaded.")
                    filter: page.filter
                    FChoice {
                        name: qsTr("Cache")
                        options: [{ value: "bf16", text: "bf16" }, { value: "f32", text: "f32" }]
                        value: Settings.cacheType
                        onChosen: value => Settings.cacheType = value
                    }
                }
            }
            DataSettings {
                id: data
                filter: page.filter
            }
            SettingSection {
                id: about
                title: qsTr("About")
                SettingRow {
                    setting: ""
                    name: qsTr("Fathom %1").arg(Platform.version)
                    sentence: Models.buildText
                    filter: page.filter
                }
            }
            FText {
                visible: !page.sections.some(section => section.visible)
                width: parent.width
                topPadding: Theme.gap24
                text: qsTr("No setting is called “%1”.").arg(page.filter)
                color: Theme.textMuted
            }
        }
    }
    function opened() {
        search.forceActiveFocus()
        Models.replan() // what the devices have free changes all the time
    }
    Component.onCompleted: opened()
    onVisibleChanged: if (visible) opened()
}
