/**
 * The source editor: CodeMirror in a shadow tree. There it puts its styles into constructed style sheets,
 * which a strict Content-Security-Policy allows; in the document it would write <style> elements, which it
 * forbids. Must not know the service, and of reports nothing but their diagnostics.
 */
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { bracketMatching, indentOnInput, indentUnit } from "@codemirror/language";
import { lintGutter, nextDiagnostic, previousDiagnostic, setDiagnostics, type Action, type Diagnostic as Mark } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { Compartment, EditorSelection, EditorState, type Extension, type Text } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, highlightSpecialChars, keymap, lineNumbers } from "@codemirror/view";
import type { Diagnostic, Fix, Position, Range } from "../../src/formats/report.js";
import { element, outsideLink, withNames } from "../base/elements.js";
import { editorTheme } from "./editor-theme.js";
import { highlightingFor } from "./highlighting.js";

/** Marks beyond this say nothing more and make typing slow. */
const marksMax = 1_000;

export class SourceEditor {
  private readonly view: EditorView;
  private readonly language = new Compartment();
  /** Replaced whenever another language is asked for, so that one that loads late does not win. */
  private wantedLanguage = {};
  private languageExtension: Extension = [];

  /** `onChange` is told of every change of the text, by the user or by `load`. */
  constructor(
    host: HTMLElement,
    private readonly onChange: () => void,
  ) {
    const root = host.attachShadow({ mode: "open" });
    this.view = new EditorView({ root, parent: root, state: this.stateOf("") });
  }

  get source(): string {
    return this.view.state.sliceDoc();
  }

  /** Replaces everything, also what could be undone. */
  load(source: string): void {
    this.view.setState(this.stateOf(source));
    this.onChange();
  }

  async setLanguage(language: string, filename: string): Promise<void> {
    const wanted = (this.wantedLanguage = {});
    const highlighting = await highlightingFor(language, filename);
    if (wanted !== this.wantedLanguage) return;
    this.languageExtension = [highlighting, indentUnit.of(language === "python" ? "    " : "  ")];
    this.view.dispatch({ effects: this.language.reconfigure(this.languageExtension) });
  }

  show(diagnostics: readonly Diagnostic[]): void {
    const marks = diagnostics.slice(0, marksMax).map((diagnostic) => this.markOf(diagnostic));
    this.view.dispatch(setDiagnostics(this.view.state, marks));
  }

  /** Selects the range, brings it into view and gives the editor the keyboard. */
  jumpTo(range: Range): void {
    const { anchor, head } = selectionOf(this.view.state.doc, range);
    this.view.dispatch({ selection: EditorSelection.single(anchor, head), effects: EditorView.scrollIntoView(anchor, { y: "center" }) });
    this.view.focus();
  }

  focus(): void {
    this.view.focus();
  }

  /** All edits of a fix as one step that can be undone. */
  apply(fix: Fix): void {
    const { doc } = this.view.state;
    const changes = fix.edits.map(({ range, text }) => ({ ...offsetsOf(doc, range), insert: this.view.state.toText(text) }));
    this.view.dispatch({ changes, userEvent: "input.fix" });
    this.view.focus();
  }

  private stateOf(source: string): EditorState {
    return EditorState.create({
      doc: source,
      extensions: [
        // Linters see line breaks: a file that has carriage returns everywhere keeps them. A mixture becomes line feeds.
        /\r\n/.test(source) && !/(^|[^\r])\n/.test(source) ? EditorState.lineSeparator.of("\r\n") : [],
        lintGutter(),
        lineNumbers(),
        highlightActiveLineGutter(),
        highlightSpecialChars(),
        history(),
        drawSelection(),
        EditorState.allowMultipleSelections.of(true),
        indentOnInput(),
        bracketMatching(),
        highlightActiveLine(),
        highlightSelectionMatches(),
        search({ top: false }),
        // Escape, then Tab leaves the editor: CodeMirror sees to that, and the page says so.
        keymap.of([{ key: "F8", run: nextDiagnostic, shift: previousDiagnostic }, indentWithTab, ...defaultKeymap, ...searchKeymap, ...historyKeymap]),
        this.language.of(this.languageExtension),
        editorTheme,
        EditorView.contentAttributes.of({ "aria-label": "Source. Press Escape, then Tab to leave it.", "aria-multiline": "true", tabindex: "0" }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) this.onChange();
        }),
      ],
    });
  }

  private markOf(diagnostic: Diagnostic): Mark {
    const { rule, severity, message, url, range, fixes = [] } = diagnostic;
    return {
      ...offsetsOf(this.view.state.doc, range),
      severity,
      message,
      renderMessage: () => element("span", {}, ...withNames(message), " ", outsideLink(url, rule)),
      actions: fixes.map((fix): Action => ({ name: "Fix", apply: () => this.apply(fix) })),
    };
  }
}

/** Offsets in the document; what a range says beyond its end is the end. */
function offsetsOf(doc: Text, range: Range): { from: number; to: number } {
  const from = offsetOf(doc, range.start);
  return { from, to: Math.max(from, offsetOf(doc, range.end)) };
}

function offsetOf(doc: Text, { line, column }: Position): number {
  if (line > doc.lines) return doc.length;
  const { from, to } = doc.line(line);
  return Math.min(to, from + column - 1);
}

/** The start of the range leads: a finding that spans a hundred lines is where it begins. */
function selectionOf(doc: Text, range: Range): { anchor: number; head: number } {
  const { from, to } = offsetsOf(doc, range);
  return { anchor: from, head: Math.min(to, doc.lineAt(from).to) };
}
