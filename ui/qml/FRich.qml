// SPDX-License-Identifier: MIT
// Text to read and select, in the limited rich text that the program itself writes (see inline_html.h). Links
// open by a click only.
import QtQuick
import Fathom.Core

TextEdit {
    id: edit

    property string html
    property bool preformatted: false // white space as written
    property real lineHeight: Math.round(font.pixelSize * Theme.readingLine)

    // A fixed height keeps lines even where Chinese, code and Latin letters meet.
    text: Theme.richStyle + "<p style='line-height:" + lineHeight + "px;-qt-line-height-type:fixed"
          + (preformatted ? ";white-space:pre-wrap" : "") + "'>" + html + "</p>"
    textFormat: TextEdit.RichText
    readOnly: true
    selectByMouse: true
    persistentSelection: false
    activeFocusOnPress: true
    wrapMode: TextEdit.Wrap
    font.family: Theme.uiFont
    font.pixelSize: Theme.readingSize
    color: Theme.text
    selectionColor: Theme.mix(Theme.window, Theme.accent, 0.3)
    selectedTextColor: Theme.text
    onLinkActivated: link => Platform.openLink(link)

    HoverHandler {
        cursorShape: edit.hoveredLink !== "" ? Qt.PointingHandCursor : Qt.IBeamCursor
    }
}
