// SPDX-License-Identifier: MIT
// How an answer came to be and what it cost, and the way to make it again exactly so.
import QtQuick
import QtQuick.Controls.Basic
import Fathom.Core

Popup {
    id: popup

    required property var row
    readonly property var made: row.facts ?? ({})
    readonly property bool known: made.seed !== undefined
    readonly property bool sameModel: known && made.modelIdentity === Models.currentIdentity
    readonly property bool sameContext: known && Chat.contextLimit >= made.contextTokens
    readonly property var facts: [
        [qsTr("Model"), row.modelName ?? ""],
        [qsTr("Read"), tokens(row.promptTokens ?? 0)
            + (known && made.reusedTokens > 0 ? ", " + qsTr("%1 of them from the cache")
               .arg(number(Math.min(made.reusedTokens, row.promptTokens ?? 0))) : "")],
        [qsTr("Written"), tokens(row.generatedTokens ?? 0)],
        [qsTr("Speed"),
         row.tokensPerSecond > 0 ? qsTr("%1 tokens/s").arg(row.tokensPerSecond.toFixed(1)) : "–"],
        [qsTr("First token"),
         row.firstTokenSeconds > 0 ? qsTr("after %1").arg(Platform.humanTime(row.firstTokenSeconds * 1000))
                                   : "–"],
        [qsTr("Ended"), ending(row.finishReason ?? "", row.status)],
        [qsTr("Left out"), known && made.leftOut > 0 ? qsTr("%1 messages, which the context had no room for")
            .arg(number(made.leftOut)) : ""],
        [qsTr("Seed"), known ? made.seed : ""],
        [qsTr("Sampling"), known ? sampling() : ""],
        [qsTr("Computed on"), known ? made.device : ""],
        [qsTr("Time"), Qt.formatDateTime(row.createdAt, Qt.locale().dateTimeFormat(Locale.ShortFormat))],
    ].filter(fact => fact[1] !== "")

    function number(count) { return Number(count).toLocaleString(Qt.locale(), "f", 0) }
    function tokens(count) { return qsTr("%1 tokens").arg(number(count)) }
    function digits(value) { return String(Math.round(value * 1000) / 1000) }
    function sampling() {
        if (made.temperature === 0)
            return qsTr("always the likeliest")
        const parts = [qsTr("temperature %1").arg(digits(made.temperature))]
        if (made.topP < 1)
            parts.push(qsTr("top p %1").arg(digits(made.topP)))
        if (made.topK > 0)
            parts.push(qsTr("top k %1").arg(made.topK))
        if (made.minP > 0)
            parts.push(qsTr("min p %1").arg(digits(made.minP)))
        if (made.repeatPenalty !== 1)
            parts.push(qsTr("repetition %1").arg(digits(made.repeatPenalty)))
        if (made.maxTokens > 0)
            parts.push(qsTr("at most %1").arg(tokens(made.maxTokens)))
        return parts.join(", ")
    }
    function ending(reason, status) {
        switch (reason) {
        case "stop": return qsTr("by itself")
        case "length": return qsTr("at the limit of length")
        case "context": return qsTr("context is full")
        default: return status === "stopped" ? qsTr("stopped")
                 : status === "interrupted" ? qsTr("interrupted")
                 : reason === "" ? "–" : reason
        }
    }

    property bool below: false // where there is no room above
    y: below ? parent.height + Theme.gap8 : -implicitHeight - Theme.gap8
    margins: Theme.gap8
    onAboutToShow: below = parent.mapToItem(null, 0, 0).y < implicitHeight + Theme.headerHeight
    padding: Theme.gap12
    focus: true
    contentItem: Column {
        spacing: Theme.gap12
        Accessible.role: Accessible.Dialog
        Accessible.name: qsTr("Details of the answer")
        Grid {
            columns: 2
            columnSpacing: Theme.gap16
            rowSpacing: Theme.gap4 + 1
            Repeater {
                model: popup.facts.length * 2
                FText {
                    required property int index
                    readonly property bool label: index % 2 === 0
                    text: popup.facts[Math.floor(index / 2)][index % 2]
                    width: label ? Theme.px(84) : Theme.px(290)
                    wrapMode: Text.Wrap
                    verticalAlignment: Text.AlignTop
                    font.pixelSize: Theme.captionSize
                    color: label ? Theme.textMuted : Theme.text
                }
            }
        }
        FText {
            visible: popup.known && text !== ""
            width: Theme.px(390)
            wrapMode: Text.Wrap
            text: popup.made.continued
                ? qsTr("Written in several goes, so it cannot be made again in one.")
                : !popup.sameModel ? qsTr("To make it again exactly so, load the model that wrote it.")
                : !popup.sameContext ? qsTr("To make it again exactly so, set a context length of %1 tokens.")
                  .arg(popup.number(popup.made.contextTokens))
                : popup.made.reusedTokens > 0
                ? qsTr("After a restart what came from the cache is read anew; the text may then part from this one.")
                : ""
            font.pixelSize: Theme.captionSize
            color: Theme.textMuted
        }
        FButton {
            id: again
            objectName: "repeatButton"
            visible: popup.known && popup.sameModel && popup.sameContext && !popup.made.continued
            enabled: Chat.canSend
            implicitHeight: Theme.px(30)
            iconName: "regenerate"
            text: qsTr("Generate again exactly so")
            onClicked: {
                popup.close()
                Chat.repeat(popup.row.messageId)
            }
        }
    }
    background: Rectangle {
        radius: Theme.cardRadius
        color: Theme.floating
        border.width: Theme.hairline
        border.color: Theme.line
        Shadow {}
    }
    enter: Transition { NumberAnimation { property: "opacity"; from: 0; to: 1; duration: Theme.duration } }
}
