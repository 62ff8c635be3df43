// SPDX-License-Identifier: MIT
// A number to type, within bounds, with steps on the arrow keys; `special` is shown in place of one value.
import QtQuick
import QtQuick.Controls.Basic

FTextField {
    property real value: 0
    property real from: 0
    property real to: 100
    property real step: 1
    property int decimals: 0
    property real specialValue: NaN
    property string special
    signal chosen(real value)

    function shown(number) {
        return special !== "" && number === specialValue ? special : Number(number).toFixed(decimals)
    }
    function take(number) {
        const bounded = Math.max(from, Math.min(to, number))
        if (bounded !== value)
            chosen(bounded)
        text = shown(bounded)
    }

    implicitWidth: Theme.px(110)
    horizontalAlignment: TextInput.AlignRight
    rightPadding: Theme.gap12 - 2
    inputMethodHints: Qt.ImhFormattedNumbersOnly
    text: shown(value)
    onValueChanged: text = shown(value)
    onActiveFocusChanged: if (activeFocus) selectAll()
    onEditingFinished: {
        const typed = text.trim().replace(",", ".")
        const number = typed === special && special !== "" ? specialValue : parseFloat(typed)
        take(isNaN(number) ? value : Number(number.toFixed(decimals)))
    }
    Keys.onUpPressed: take(Number((value + step).toFixed(decimals)))
    Keys.onDownPressed: take(Number((value - step).toFixed(decimals)))
    Accessible.role: Accessible.SpinBox
}
