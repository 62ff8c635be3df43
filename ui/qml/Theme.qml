// SPDX-License-Identifier: MIT
// Every colour, size, font and duration of the window. Twelve colours, each with a light and a dark value of
// its own; code has six hues more, tested on both surfaces.
pragma Singleton
import QtQuick
import Fathom.Core

QtObject {
    id: theme

    readonly property bool dark: Platform.dark

    // Surfaces, from the page up.
    readonly property color window: dark ? "#1b1c1f" : "#ffffff"
    readonly property color sidebar: dark ? "#161719" : "#f6f6f4"
    readonly property color surface: dark ? "#222327" : "#f6f6f4"
    readonly property color raised: dark ? "#2a2c31" : "#eeeeea"
    readonly property color floating: dark ? surface : window // what lies above the page
    readonly property color line: dark ? "#34363c" : "#e1e1dc"
    // Words.
    readonly property color text: dark ? "#e6e6e3" : "#1c1c1f"
    readonly property color textMuted: dark ? "#a2a4aa" : "#62636a"
    // One accent; what lies on it and what it selects follow from it.
    readonly property color accent: Settings.accent !== "" ? readable(Settings.accent)
        : dark ? "#8fa2ff" : "#3454d1"
    readonly property color accentText: contrast(accent, "#ffffff") >= contrast(accent, "#15171c")
        ? "#ffffff" : "#15171c"
    readonly property color selection: tinted(sidebar, accent, dark ? 0.17 : 0.11)
    readonly property color warning: dark ? "#e2b45f" : "#8a5a00"
    readonly property color danger: dark ? "#f28b82" : "#b3261e"

    // In the order of CodeHue: plain, comment, keyword, string, number, type, function.
    readonly property var codeColors: dark
        ? ["#e6e6e3", "#9b9da4", "#c7a0f2", "#9dcc7f", "#e8a96d", "#6fc7d8", "#92b6ff"]
        : ["#1c1c1f", "#66676e", "#7a3ac6", "#1d7038", "#a8480a", "#0b6880", "#2a57c0"]

    // Measures. Everything that is laid out goes through px(), so that it follows the zoom.
    readonly property real zoom: Settings.zoom
    function px(length) { return Math.round(length * zoom) }
    property real devicePixelRatio: 1 // of the window's screen
    readonly property real hairline: 1 / Math.max(1, Math.floor(devicePixelRatio))
    readonly property int gap4: px(4)
    readonly property int gap8: px(8)
    readonly property int gap12: px(12)
    readonly property int gap16: px(16)
    readonly property int gap24: px(24)
    readonly property int gap32: px(32)
    readonly property int radius: px(6)
    readonly property int cardRadius: px(10)
    readonly property int controlHeight: px(32)
    readonly property int headerHeight: px(48)
    readonly property int columnWidth: px(720)
    readonly property int wideWidth: px(960)

    // Type: one scale, two weights.
    readonly property string uiFont: Platform.uiFont
    readonly property string codeFont: Platform.codeFont
    readonly property int captionSize: px(12)
    readonly property int interfaceSize: px(13)
    readonly property int readingSize: px(15)
    readonly property int titleSize: px(18)
    readonly property int pageTitleSize: px(24)
    readonly property int codeSize: px(13)
    readonly property real readingLine: 1.55
    readonly property int regular: Font.Normal
    readonly property int strong: Font.DemiBold

    // Motion: appearing and folding only.
    readonly property int duration: Platform.reduceMotion ? 0 : 140
    readonly property int easing: Easing.OutCubic

    // The style sheet of our limited rich text; the text itself names no colour and no font.
    readonly property string richStyle: "<style>p{margin:0}a{color:" + accent + ";text-decoration:none}"
        + "code{font-family:'" + codeFont + "';font-size:" + px(13.5) + "px;background-color:" + raised + "}"
        + "b{font-weight:600}</style>"

    function mix(below, above, amount) {
        return Qt.rgba(below.r + (above.r - below.r) * amount, below.g + (above.g - below.g) * amount,
                       below.b + (above.b - below.b) * amount, 1)
    }
    function channel(value) {
        return value <= 0.03928 ? value / 12.92 : Math.pow((value + 0.055) / 1.055, 2.4)
    }
    // Relative luminance and contrast as WCAG 2 defines them.
    function luminance(color) {
        return 0.2126 * channel(color.r) + 0.7152 * channel(color.g) + 0.0722 * channel(color.b)
    }
    function contrast(a, b) {
        const la = luminance(Qt.color(a))
        const lb = luminance(Qt.color(b))
        return (Math.max(la, lb) + 0.05) / (Math.min(la, lb) + 0.05)
    }
    // As much of a colour over a surface as leaves words readable on it.
    function tinted(below, above, amount) {
        let color = mix(below, above, amount)
        for (; amount > 0 && contrast(color, textMuted) < 4.6; amount -= 0.01)
            color = mix(below, above, amount)
        return color
    }
    // A chosen accent, brought to a lightness that can be read on this theme's page.
    function readable(name) {
        let color = Qt.color(name)
        for (let i = 0; i < 20 && contrast(color, window) < 4.6; ++i)
            color = mix(color, text, 0.1)
        return color
    }
    // A veil over a surface where the pointer is or the button is down.
    function hover(pressed) { return Qt.rgba(text.r, text.g, text.b, pressed ? 0.11 : 0.06) }
}
