/**
 * The two panels with text to take away: the raw report in a chosen format, and the commands that ask for it.
 * Must not know where a report comes from.
 */
import type { FormatName } from "../../src/formats/format-name.js";
import { byId, element } from "../base/elements.js";
import { copyOnClick } from "./copy.js";
import { curlWithFile, curlWithSource } from "./curl-line.js";

/** What a format is called here, in the order of the list; the compiler wants each. */
const formatLabels: Readonly<Record<FormatName, string>> = {
  json: "JSON",
  sarif: "SARIF 2.1.0",
  text: "Plain lines",
  rdjson: "Reviewdog (rdjson)",
  gitlab: "GitLab code quality",
  checkstyle: "Checkstyle XML",
  github: "GitHub annotations",
};

const endings: Readonly<Record<FormatName, string>> = { json: "json", sarif: "sarif", text: "txt", rdjson: "json", gitlab: "json", checkstyle: "xml", github: "txt" };

/** A browser takes long to lay out more; the download has all of it. */
const shownCharsMax = 200_000;
/** A command with more is nothing to paste. */
const commandCharsMax = 32_768;

export class ReportPanels {
  private readonly format = byId("format", HTMLSelectElement);
  private readonly formatForCurl = byId("format-for-curl", HTMLSelectElement);
  private readonly report = byId("report", HTMLPreElement);
  private readonly cut = byId("report-cut", HTMLElement);
  private readonly withFile = byId("curl-with-file", HTMLPreElement);
  private readonly withSource = byId("curl-with-source", HTMLPreElement);
  private readonly withSourceBox = byId("curl-with-source-box", HTMLElement);
  private text = "";

  constructor(onFormat: () => void) {
    for (const control of [this.format, this.formatForCurl]) {
      control.append(...Object.entries(formatLabels).map(([value, label]) => element("option", { value }, label)));
      control.addEventListener("change", () => {
        this.format.value = this.formatForCurl.value = control.value;
        onFormat();
      });
    }
    copyOnClick(byId("copy-report", HTMLButtonElement), () => this.text);
    copyOnClick(byId("copy-curl-with-file", HTMLButtonElement), () => this.withFile.textContent);
    copyOnClick(byId("copy-curl-with-source", HTMLButtonElement), () => this.withSource.textContent);
    byId("download-report", HTMLButtonElement).addEventListener("click", () => this.download());
  }

  get formatName(): FormatName {
    return this.format.value as FormatName;
  }

  showReport(text: string): void {
    this.text = text;
    this.report.textContent = text.slice(0, shownCharsMax);
    this.cut.hidden = text.length <= shownCharsMax;
    this.cut.textContent = `The first ${shownCharsMax.toLocaleString("en")} of ${text.length.toLocaleString("en")} characters; the download has all.`;
  }

  showCommands(url: string, filename: string, source: string, withKey: boolean): void {
    this.withFile.textContent = curlWithFile(url, filename, withKey);
    const command = source.length > commandCharsMax ? undefined : curlWithSource(url, source, withKey);
    this.withSource.textContent = command ?? "";
    this.withSourceBox.hidden = command === undefined;
  }

  private download(): void {
    const url = URL.createObjectURL(new Blob([this.text], { type: "application/octet-stream" }));
    element("a", { href: url, download: `report.${endings[this.formatName]}` }).click();
    URL.revokeObjectURL(url);
  }
}

/** One line of JSON is for programs; a document that is none stays as it is. */
export function readable(text: string): string {
  try {
    return `${JSON.stringify(JSON.parse(text), null, 2)}\n`;
  } catch {
    return text;
  }
}
