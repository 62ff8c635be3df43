// SPDX-License-Identifier: MIT
// Every label of the window: plain text, whatever the string holds.
import QtQuick

Text {
    textFormat: Text.PlainText
    font.family: Theme.uiFont
    font.pixelSize: Theme.interfaceSize
    color: Theme.text
    elide: Text.ElideRight
    renderType: Text.QtRendering
    horizontalAlignment: Text.AlignLeft // also of Arabic: the window's own order is from the left
    verticalAlignment: Text.AlignVCenter
}
