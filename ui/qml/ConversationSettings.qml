// SPDX-License-Identifier: MIT
// What this conversation sets for itself: system prompt, sampling, and presets of both. What it does not set
// is as in the settings.
import QtQuick
import QtQuick.Controls.Basic
import QtQuick.Window
import Fathom
import Fathom.Core

IconButton {
    id: button
    objectName: "conversationSettings"

    readonly property var fields: [
        { key: "temperature", name: qsTr("Temperature"), to: 2, step: 0.05, decimals: 2 },
        { key: "topP", name: qsTr("Top p"), from: 0.01, to: 1, step: 0.05, decimals: 2 },
        { key: "topK", name: qsTr("Top k"), to: 1000, special: qsTr("off") },
        { key: "minP", name: qsTr("Min p"), to: 1, step: 0.01, decimals: 2 },
        { key: "repeatPenalty", name: qsTr("Repetition penalty"), from: 0.5, to: 2, step: 0.05, decimals: 2 },
        { key: "maxTokens", name: qsTr("Longest answer"), to: 1000000, step: 256, special: qsTr("no limit") },
        { key: "seed", name: qsTr("Seed"), from: -1, to: 4294967295, special: qsTr("random"),
          specialValue: -1 },
    ]

    iconName: "settings"
    iconSize: 17
    iconColor: ChatSettings.any ? Theme.accent : hovered ? Theme.text : Theme.textMuted
    text: ChatSettings.any ? qsTr("This conversation has settings of its own")
                           : qsTr("Settings of this conversation")
    tips: !popup.visible
    onClicked: popup.opened ? popup.close() : popup.open()

    Popup {
        id: popup
        objectName: "conversationSettingsPopup"
        y: parent.height + Theme.gap8
        x: Math.min(0, parent.width - width + Theme.px(160))
        width: Theme.px(400)
        height: Math.min(body.implicitHeight + 2 * padding,
                         button.Window.height - Theme.headerHeight - Theme.gap16)
        closePolicy: Popup.CloseOnEscape | Popup.CloseOnPressOutsideParent
        padding: Theme.gap16
        focus: true
        onVisibleChanged: if (visible) prompt.focusInput()
        background: Rectangle {
            radius: Theme.cardRadius
            color: Theme.floating
            border.width: Theme.hairline
            border.color: Theme.line
            Shadow {}
        }
        enter: Transition {
            NumberAnimation { property: "opacity"; from: 0; to: 1; duration: Theme.duration }
        }
        contentItem: Flickable {
            contentHeight: body.implicitHeight
            boundsBehavior: Flickable.StopAtBounds
            clip: true
            ScrollBar.vertical: FScrollBar {}
            Column {
                id: body
                width: parent.width
                spacing: Theme.gap8
                Accessible.role: Accessible.Dialog
                Accessible.name: qsTr("Settings of this conversation")
                FText {
                    width: parent.width
                    text: qsTr("System prompt of this conversation")
                    font.weight: Theme.strong
                }
                MultilineField {
                    id: prompt
                    width: parent.width
                    Accessible.name: qsTr("System prompt of this conversation")
                    value: ChatSettings.systemPrompt
                    placeholderText: Settings.systemPrompt !== "" ? Settings.systemPrompt
                                                                  : qsTr("Empty: as the settings say.")
                    onChosen: value => ChatSettings.systemPrompt = value
                }
                FText {
                    width: parent.width
                    topPadding: Theme.gap8
                    text: qsTr("Sampling")
                    font.weight: Theme.strong
                }
                Repeater {
                    model: button.fields
                    Item {
                        id: line
                        required property var modelData
                        readonly property string key: modelData.key
                        readonly property bool own: ChatSettings.numbers[key] !== undefined
                        width: body.width
                        height: Theme.controlHeight
                        FText {
                            anchors.verticalCenter: parent.verticalCenter
                            text: line.modelData.name
                        }
                        FText {
                            anchors.right: back.left
                            anchors.rightMargin: Theme.gap8
                            anchors.verticalCenter: parent.verticalCenter
                            visible: !line.own
                            text: qsTr("as in the settings")
                            font.pixelSize: Theme.captionSize
                            color: Theme.textMuted
                        }
                        IconButton {
                            id: back
                            anchors.right: number.left
                            anchors.rightMargin: Theme.gap4
                            anchors.verticalCenter: parent.verticalCenter
                            opacity: line.own ? 1 : 0
                            enabled: line.own
                            width: line.own ? implicitWidth : 0
                            iconName: "reset"
                            iconSize: 15
                            text: qsTr("%1 as in the settings").arg(line.modelData.name)
                            onClicked: ChatSettings.clearNumber(line.key)
                        }
                        NumberField {
                            id: number
                            objectName: "own-" + line.key
                            anchors.right: parent.right
                            Accessible.name: line.modelData.name
                            value: line.own ? ChatSettings.numbers[line.key] : Settings[line.key]
                            from: line.modelData.from ?? 0
                            to: line.modelData.to
                            step: line.modelData.step ?? 1
                            decimals: line.modelData.decimals ?? 0
                            special: line.modelData.special ?? ""
                            specialValue: line.modelData.specialValue ?? 0
                            color: line.own ? Theme.text : Theme.textMuted
                            onChosen: value => ChatSettings.setNumber(line.key, value)
                        }
                    }
                }
                FText {
                    width: parent.width
                    topPadding: Theme.gap8
                    text: qsTr("Presets")
                    font.weight: Theme.strong
                }
                Flow {
                    visible: ChatSettings.presets.length > 0
                    width: parent.width
                    spacing: Theme.gap8
                    Repeater {
                        model: ChatSettings.presets
                        Row {
                            id: preset
                            required property var modelData
                            readonly property bool current: modelData.name === ChatSettings.currentPreset
                            FButton {
                                implicitHeight: Theme.px(28)
                                implicitWidth: Math.min(Theme.px(240), face.implicitWidth + Theme.gap24)
                                text: preset.modelData.name
                                iconName: preset.current ? "check" : ""
                                Accessible.name: qsTr("Take over the preset %1").arg(text)
                                onClicked: ChatSettings.applyPreset(preset.modelData.id)
                                FText {
                                    id: face
                                    visible: false
                                    text: parent.text
                                    leftPadding: preset.current ? Theme.px(24) : 0
                                }
                            }
                            IconButton {
                                visible: preset.current
                                implicitWidth: Theme.px(28)
                                implicitHeight: Theme.px(28)
                                iconName: "trash"
                                iconSize: 15
                                text: qsTr("Delete the preset %1").arg(preset.modelData.name)
                                onClicked: ChatSettings.deletePreset(preset.modelData.id)
                            }
                        }
                    }
                }
                Item {
                    width: parent.width
                    height: Theme.controlHeight
                    FTextField {
                        id: presetName
                        objectName: "presetName"
                        anchors.left: parent.left
                        anchors.right: save.left
                        anchors.rightMargin: Theme.gap8
                        maximumLength: 60
                        placeholderText: qsTr("Name of a preset")
                        onAccepted: save.click()
                    }
                    FButton {
                        id: save
                        objectName: "savePreset"
                        anchors.right: parent.right
                        enabled: presetName.text.trim() !== ""
                        text: ChatSettings.presets.some(preset => preset.name === presetName.text.trim())
                            ? qsTr("Replace") : qsTr("Save as preset")
                        onClicked: {
                            ChatSettings.savePreset(presetName.text)
                            presetName.clear()
                        }
                    }
                }
                FText {
                    width: parent.width
                    wrapMode: Text.Wrap
                    text: qsTr("A preset keeps the system prompt and the sampling that are set here.")
                    font.pixelSize: Theme.captionSize
                    color: Theme.textMuted
                }
            }
        }
    }
}
