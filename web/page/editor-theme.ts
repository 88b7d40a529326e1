/**
 * How the editor looks: colours by the names that page.css gives them, which reach into the shadow tree and
 * follow light and dark by themselves. Must not know what is edited.
 */
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import type { Extension } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const severities = ["error", "warning", "info", "hint"] as const;

const shapes = {
  error: { borderRadius: "50%" },
  warning: { clipPath: "polygon(50% 4%, 100% 96%, 0 96%)" },
  info: { borderRadius: "2px" },
  hint: { borderRadius: "50%", transform: "scale(.6)" },
} as const;

type Rules = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** CodeMirror draws these with images in data: addresses, which the page's Content-Security-Policy does not allow. */
function marks(): Rules {
  const rules: Record<string, Readonly<Record<string, string>>> = {};
  for (const severity of severities) {
    const color = `var(--${severity})`;
    rules[`.cm-lintRange-${severity}`] = { backgroundImage: "none", textDecoration: `underline wavy ${color} 1px`, textUnderlineOffset: "3px", textDecorationSkipInk: "none" };
    rules[`.cm-lintPoint-${severity}::after`] = { borderBottomColor: color };
    rules[`.cm-lint-marker-${severity}`] = { content: "''", backgroundColor: color, ...shapes[severity] };
    rules[`.cm-diagnostic-${severity}`] = { borderLeftColor: color };
  }
  return rules;
}

const view = EditorView.theme({
  "&": { height: "100%", backgroundColor: "var(--canvas)", color: "var(--text)", fontSize: "var(--code-size)" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.6" },
  ".cm-content": { padding: "12px 0", caretColor: "var(--text)" },
  ".cm-line": { padding: "0 16px 0 6px" },
  ".cm-cursor": { borderLeftColor: "var(--text)", borderLeftWidth: "2px" },
  "& > .cm-scroller > .cm-selectionLayer .cm-selectionBackground": { backgroundColor: "var(--selection)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground": { backgroundColor: "var(--selection)" },
  ".cm-selectionMatch": { backgroundColor: "var(--match)" },
  ".cm-searchMatch": { backgroundColor: "var(--match)" },
  ".cm-searchMatch.cm-searchMatch-selected": { backgroundColor: "var(--selection)" },
  ".cm-matchingBracket, &.cm-focused .cm-matchingBracket": { backgroundColor: "var(--match)", outline: "1px solid var(--line)" },
  ".cm-nonmatchingBracket, &.cm-focused .cm-nonmatchingBracket": { backgroundColor: "transparent", color: "var(--error)" },
  ".cm-gutters": { backgroundColor: "var(--canvas)", color: "var(--faint)", border: "none" },
  ".cm-lineNumbers .cm-gutterElement": { padding: "0 8px 0 4px", minWidth: "36px" },
  ".cm-activeLine": { backgroundColor: "var(--active-line)" },
  ".cm-activeLineGutter": { backgroundColor: "var(--active-line)", color: "var(--text)" },
  ".cm-gutter-lint": { width: "18px" },
  ".cm-gutter-lint .cm-gutterElement": { padding: "0 0 0 6px", display: "flex", alignItems: "center" },
  ".cm-lint-marker": { width: "10px", height: "10px" },
  ".cm-tooltip": { backgroundColor: "var(--raised)", color: "var(--text)", border: "1px solid var(--line)", borderRadius: "6px", boxShadow: "var(--shadow)", overflow: "hidden", maxWidth: "min(560px, 90vw)" },
  ".cm-diagnostic": { padding: "8px 12px", fontFamily: "var(--sans)", fontSize: "13px", lineHeight: "1.5" },
  ".cm-diagnosticAction": { backgroundColor: "var(--button)", color: "var(--text)", border: "1px solid var(--line)", borderRadius: "4px", padding: "2px 8px", margin: "0 0 0 8px", font: "inherit" },
  ".cm-diagnostic a": { color: "var(--accent)" },
  ".cm-diagnostic code": { fontFamily: "var(--mono)", fontSize: ".93em" },
  ".cm-panels": { backgroundColor: "var(--panel)", color: "var(--text)", fontFamily: "var(--sans)" },
  ".cm-panels.cm-panels-bottom": { borderTop: "1px solid var(--line)" },
  ".cm-panel.cm-search": { padding: "8px 12px" },
  ".cm-panel.cm-search input, .cm-panel.cm-search button": { minHeight: "26px", margin: "2px 6px 2px 0" },
  ".cm-panel.cm-search label": { display: "inline-flex", alignItems: "center", minHeight: "26px", fontSize: "13px" },
  ".cm-textfield": { backgroundColor: "var(--canvas)", color: "var(--text)", border: "1px solid var(--control-line)", borderRadius: "4px", padding: "3px 6px" },
  ".cm-button": { backgroundImage: "none", backgroundColor: "var(--button)", color: "var(--text)", border: "1px solid var(--line)", borderRadius: "4px", padding: "3px 8px" },
  ".cm-panel.cm-search [name=close]": { color: "var(--text)", fontSize: "18px", padding: "0 8px" },
  ".spoken": { position: "absolute", width: "1px", height: "1px", overflow: "hidden", clipPath: "inset(50%)", whiteSpace: "nowrap" },
  ...marks(),
});

const syntax = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.modifier, tags.self], color: "var(--syntax-keyword)" },
  { tag: [tags.string, tags.special(tags.string), tags.regexp, tags.attributeValue], color: "var(--syntax-string)" },
  { tag: [tags.number, tags.bool, tags.null, tags.atom, tags.unit, tags.color], color: "var(--syntax-number)" },
  { tag: [tags.comment, tags.meta, tags.processingInstruction], color: "var(--syntax-comment)", fontStyle: "italic" },
  { tag: [tags.function(tags.variableName), tags.function(tags.propertyName), tags.definition(tags.function(tags.variableName)), tags.labelName], color: "var(--syntax-function)" },
  { tag: [tags.typeName, tags.className, tags.namespace, tags.tagName, tags.standard(tags.variableName)], color: "var(--syntax-type)" },
  { tag: [tags.propertyName, tags.attributeName, tags.definition(tags.propertyName)], color: "var(--syntax-property)" },
  { tag: tags.heading, fontWeight: "bold" },
  { tag: tags.link, textDecoration: "underline" },
  { tag: tags.invalid, color: "var(--error)" },
]);

export const editorTheme: Extension = [view, syntaxHighlighting(syntax)];
