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
    verticalAlignment: Text.AlignVCenter
}
