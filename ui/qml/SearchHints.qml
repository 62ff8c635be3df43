// SPDX-License-Identifier: MIT
// Below the search field: the filters it knows, and for the one that is being typed what can follow.
import QtQuick
import Fathom.Core

Column {
    id: hints

    property string query
    property bool active: false
    property int current: -1

    // What is being typed: the last word, or a name in quotation marks that have not been closed.
    readonly property string word: query.match(/(^|\s)((tag|folder|model):"([^"\\]|\\.)*|\S*)$/i)[2]
    readonly property string before: query.slice(0, query.length - word.length)
    readonly property var offers: active ? offersFor(word) : []
    readonly property bool completing: active && word !== "" && offers.length > 0

    signal taken(string query)

    function quoted(name) {
        return /\s|^"/.test(name) ? '"' + name.replace(/["\\]/g, "\\$&") + '"' : name
    }
    function names(filter, all, typed) {
        const wanted = typed.toLowerCase().replace(/^"|"$/g, "").replace(/\\(["\\])/g, "$1")
        return all.filter(name => name.toLowerCase().includes(wanted) && name.toLowerCase() !== wanted)
            .slice(0, 6).map(name => ({ text: filter + quoted(name), detail: "", ends: true }))
    }
    function dates(filter, typed) {
        const today = new Date()
        const day = back => {
            const at = new Date(today.getFullYear(), today.getMonth(), today.getDate() - back)
            return Qt.formatDate(at, "yyyy-MM-dd")
        }
        return [{ text: day(0), detail: qsTr("today") }, { text: day(7), detail: qsTr("a week ago") },
                { text: day(30), detail: qsTr("a month ago") },
                { text: String(today.getFullYear()), detail: qsTr("this year") }]
            .filter(one => one.text.startsWith(typed) && one.text !== typed)
            .map(one => ({ text: filter + one.text, detail: one.detail, ends: true }))
    }
    function offersFor(word) {
        const colon = word.indexOf(":")
        const filter = word.slice(0, colon + 1)
        const typed = word.slice(colon + 1)
        switch (filter) {
        case "tag:": return names(filter, Conversations.tags, typed)
        case "folder:": return names(filter, Conversations.folders, typed)
        case "model:": return names(filter, Models.names, typed)
        case "before:":
        case "after:": return dates(filter, typed)
        case "": break
        default: return []
        }
        const all = [{ text: "tag:", detail: qsTr("with this tag") },
                     { text: "folder:", detail: qsTr("in this folder") },
                     { text: "model:", detail: qsTr("answered by it") },
                     { text: "before:", detail: qsTr("a date") },
                     { text: "after:", detail: qsTr("a date") }]
        return word === "" ? (query === "" ? all : [])
            : all.filter(one => one.text.startsWith(word.toLowerCase()))
    }
    function take(index) {
        const offer = offers[index]
        hints.taken(before + offer.text + (offer.ends ? " " : ""))
    }
    // False where there is nothing to move to.
    function move(step) {
        if (!completing || current + step >= offers.length)
            return false
        current = Math.max(-1, current + step)
        return true
    }

    topPadding: offers.length > 0 ? Theme.gap4 : 0
    onOffersChanged: current = -1
    Accessible.role: Accessible.List
    Accessible.name: qsTr("Filters")

    Repeater {
        model: hints.offers
        ChoiceRow {
            required property int index
            required property var modelData
            width: hints.width
            implicitHeight: Theme.px(28)
            text: modelData.text
            detail: modelData.detail
            current: hints.current === index
            onClicked: hints.take(index)
        }
    }
}
