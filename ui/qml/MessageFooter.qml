// SPDX-License-Identifier: MIT
// The end of an answer: the progress of reading while there is no word yet, a notice with the way out, and
// the row of actions, which is always there for the last answer and on hover or focus for the others.
import QtQuick
import QtQuick.Controls.Basic
import Fathom
import Fathom.Core

Item {
    id: footer

    required property var row
    required property real column
    property bool highlighted: false
    property bool editing: false
    property bool complete: false
    readonly property bool streaming: row.status === "streaming"
    readonly property bool reading: streaming && Chat.state === "reading"
    readonly property bool waiting: streaming && Chat.state === "waiting"
    readonly property bool ended: !streaming
    readonly property bool offersContinue: row.status === "interrupted" || row.status === "stopped"
        || row.finishReason === "length"
        || (row.finishReason === "context" && Settings.contextPolicy !== "stop")
    readonly property bool failed: row.status === "failed"
    readonly property bool deviceFailed: failed && Models.deviceFailed
    readonly property string notice: row.notice ? row.notice
        : row.status === "interrupted" ? qsTr("The answer was interrupted.")
        : row.status === "stopped" ? qsTr("Stopped.")
        : failed ? qsTr("The answer failed.") : ""

    signal chooseModel()
    signal showSettings()
    signal editRequested()
    signal forkRequested()

    function openDetails() {
        details.active = true
        details.item.open()
    }
    Component.onCompleted: complete = true

    implicitHeight: layout.height
    Accessible.role: Accessible.Grouping
    Accessible.name: qsTr("Answer by %1").arg(row.modelName ?? "")

    Column {
        id: layout
        x: (footer.width - footer.column) / 2
        width: footer.column

        // What few answers have is made for those alone: a conversation is full of answers.
        Loader { // reading the prompt
            active: footer.reading || footer.waiting
            visible: active
            width: parent.width
            sourceComponent: Item {
                implicitHeight: Theme.px(44)
                FText {
                    id: readingText
                    width: parent.width
                    y: Theme.gap4
                    text: footer.waiting && Models.state === "loading"
                        ? [qsTr("Loading %1").arg(Models.currentName), Models.progressText]
                          .filter(part => part !== "").join(" · ")
                        : footer.waiting || Chat.promptTotal <= 0 ? qsTr("Waiting for the model…")
                        : qsTr("Reading %1 of %2 tokens · %3 s")
                          .arg(Chat.promptDone.toLocaleString(Qt.locale(), "f", 0))
                          .arg(Chat.promptTotal.toLocaleString(Qt.locale(), "f", 0))
                          .arg(Math.round(Chat.promptSeconds))
                    font.pixelSize: Theme.captionSize
                    color: Theme.textMuted
                    Accessible.role: Accessible.ProgressBar
                    Accessible.name: text
                }
                Rectangle {
                    visible: footer.reading
                    anchors.top: readingText.bottom
                    anchors.topMargin: Theme.gap8
                    width: Math.min(parent.width, Theme.px(320))
                    height: Theme.px(3)
                    radius: height / 2
                    color: Theme.raised
                    Rectangle {
                        width: Chat.promptTotal > 0
                            ? parent.width * Math.min(1, Chat.promptDone / Chat.promptTotal) : 0
                        height: parent.height
                        radius: height / 2
                        color: Theme.accent
                    }
                }
            }
        }
        Loader {
            active: footer.editing
            visible: active
            width: parent.width
            sourceComponent: MessageEditor {
                original: footer.row.text
                action: qsTr("Keep as new version")
                onCancelled: Chat.endEdit()
                onSubmitted: text => Chat.edit(footer.row.messageId, text)
            }
            onLoaded: item.begin(footer.complete || Chat.editedText === footer.row.text)
        }
        Loader { // what went wrong, and the way out
            active: footer.ended && footer.notice !== ""
            visible: active
            width: parent.width
            sourceComponent: Item {
                implicitHeight: noticeRow.height + Theme.gap12
                Row {
                    id: noticeRow
                    y: Theme.gap8
                    spacing: Theme.gap8
                    Icon {
                        visible: footer.row.status !== "stopped"
                        anchors.verticalCenter: parent.verticalCenter
                        width: Theme.px(17)
                        height: width
                        name: "warning"
                        color: footer.failed ? Theme.danger : Theme.warning
                    }
                    FText {
                        anchors.verticalCenter: parent.verticalCenter
                        width: Math.min(implicitWidth, footer.column - ways.width - Theme.px(40))
                        wrapMode: Text.Wrap
                        maximumLineCount: 3
                        text: footer.notice
                        color: footer.failed ? Theme.danger : footer.row.status === "stopped" ? Theme.textMuted
                                                                                             : Theme.warning
                    }
                    Row {
                        id: ways
                        spacing: Theme.gap8
                        FButton {
                            visible: footer.offersContinue && footer.row.isLast
                            text: qsTr("Continue")
                            enabled: Chat.canSend
                            onClicked: Chat.continueAnswer(footer.row.messageId)
                        }
                        FButton {
                            visible: footer.deviceFailed
                            text: qsTr("Use the CPU")
                            onClicked: Models.useCpu()
                        }
                        FButton {
                            visible: footer.deviceFailed
                            text: qsTr("Settings")
                            onClicked: footer.showSettings()
                        }
                        FButton {
                            visible: footer.failed && !footer.deviceFailed
                            text: qsTr("Retry")
                            enabled: Chat.canSend
                            onClicked: Chat.retry(footer.row.messageId)
                        }
                        FButton {
                            visible: footer.failed && !footer.deviceFailed
                            text: qsTr("Choose another model")
                            onClicked: footer.chooseModel()
                        }
                    }
                }
            }
        }
        Item {
            width: parent.width
            height: Theme.px(36)
            opacity: footer.ended && (footer.row.isLast || footer.highlighted || copyButton.activeFocus
                     || againButton.activeFocus || editButton.activeFocus || forkButton.activeFocus
                     || detailsButton.activeFocus || siblings.focused || details.opened) ? 1 : 0
            Behavior on opacity { NumberAnimation { duration: Theme.duration } }
            Row {
                id: actions
                x: -Theme.px(6)
                anchors.verticalCenter: parent.verticalCenter
                enabled: footer.ended
                spacing: 2
                IconButton {
                    id: copyButton
                    property bool done: false
                    iconName: done ? "check" : "copy"
                    iconSize: 16
                    text: done ? qsTr("Copied") : qsTr("Copy answer")
                    onClicked: {
                        Chat.copyMessage(footer.row.messageId)
                        done = true
                        back.restart()
                    }
                    Timer {
                        id: back
                        interval: 1500
                        onTriggered: copyButton.done = false
                    }
                }
                IconButton {
                    id: againButton
                    iconName: "regenerate"
                    iconSize: 16
                    text: qsTr("Answer again")
                    enabled: Chat.canSend
                    onClicked: Chat.regenerate(footer.row.messageId)
                }
                IconButton {
                    id: editButton
                    iconName: "pencil"
                    iconSize: 16
                    text: qsTr("Edit answer")
                    enabled: Chat.state === "idle"
                    onClicked: footer.editRequested()
                }
                IconButton {
                    id: forkButton
                    iconName: "branch"
                    iconSize: 16
                    text: qsTr("Fork from here")
                    enabled: Chat.state === "idle"
                    onClicked: footer.forkRequested()
                }
                IconButton {
                    id: detailsButton
                    iconName: "info"
                    iconSize: 16
                    text: qsTr("Details")
                    checked: details.opened
                    tips: !details.opened
                    onClicked: footer.openDetails()
                    Loader {
                        id: details
                        readonly property bool opened: item !== null && item.opened
                        active: false
                        sourceComponent: DetailsPopup {
                            parent: detailsButton
                            row: footer.row
                        }
                    }
                }
                Siblings {
                    id: siblings
                    row: footer.row
                }
                FText {
                    anchors.verticalCenter: parent.verticalCenter
                    leftPadding: Theme.gap8
                    visible: footer.row.edited === true
                    text: qsTr("edited")
                    font.pixelSize: Theme.captionSize
                    color: Theme.textMuted
                }
                FText {
                    anchors.verticalCenter: parent.verticalCenter
                    leftPadding: Theme.gap8
                    visible: text !== ""
                    width: Math.min(implicitWidth, Math.max(0, layout.width - x))
                    text: footer.row.tokensPerSecond > 0
                        ? qsTr("%1 tokens/s · first after %2")
                          .arg(footer.row.tokensPerSecond.toFixed(footer.row.tokensPerSecond < 100 ? 1 : 0))
                          .arg(Platform.humanTime((footer.row.firstTokenSeconds ?? 0) * 1000)) : ""
                    font.pixelSize: Theme.captionSize
                    color: Theme.textMuted
                }
            }
            FText {
                anchors.right: parent.right
                anchors.verticalCenter: parent.verticalCenter
                width: Math.min(implicitWidth, Math.max(0, parent.width - actions.width - Theme.gap16))
                visible: footer.highlighted
                text: [footer.row.modelName ?? "",
                       Qt.formatTime(footer.row.createdAt, Qt.locale().timeFormat(Locale.ShortFormat))]
                      .filter(part => part !== "").join(" · ")
                font.pixelSize: Theme.captionSize
                color: Theme.textMuted
            }
        }
    }
}
