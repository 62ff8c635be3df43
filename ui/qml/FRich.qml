// SPDX-License-Identifier: MIT
// Text to read and select, in the limited rich text that the program itself writes (see inline_html.h), with its
// formulas drawn. Links open by a click only.
import QtQuick
import Fathom
import Fathom.Core

TextEdit {
    id: edit
    textFormat: TextEdit.RichText

    property string html
    property bool preformatted: false // white space as written
    property real lineHeight: Math.round(font.pixelSize * Theme.readingLine)

    // Text as it was written: formulas are images in the item, and their source here.
    function plainText() { return formulas.restored(getText(0, length), "") }
    function selectedSource() { return formulas.restored(selectedText, getText(0, selectionStart)) }

    // A fixed height keeps lines even where Chinese, code and Latin letters meet; a tall formula needs more.
    text: Theme.richStyle + "<p style='line-height:" + lineHeight + "px;-qt-line-height-type:"
          + (formulas.tall ? "minimum" : "fixed") + (preformatted ? ";white-space:pre-wrap" : "") + "'>"
          + formulas.rich + "</p>"
    readOnly: true
    selectByMouse: true
    persistentSelection: false
    activeFocusOnPress: true
    wrapMode: formulas.unbroken ? TextEdit.WrapAnywhere : TextEdit.Wrap
    font.family: Theme.uiFont
    font.pixelSize: Theme.readingSize
    color: Theme.text
    selectionColor: Theme.mix(Theme.window, Theme.accent, 0.3)
    selectedTextColor: Theme.text
    onLinkActivated: link => Platform.openLink(link)
    Keys.onPressed: event => {
        if (event.matches(StandardKey.Copy) && selectedText !== "") {
            Chat.copyText(selectedSource())
            event.accepted = true
        }
    }

    FormulaText {
        id: formulas
        formulas: Formulas
        html: edit.html
        textSize: edit.font.pixelSize
        lineHeight: edit.lineHeight
        maximumWidth: edit.width
        ratio: Theme.devicePixelRatio
        color: edit.color
    }
    HoverHandler {
        cursorShape: edit.hoveredLink !== "" ? Qt.PointingHandCursor : Qt.IBeamCursor
    }
}
