/** What the editor shows first: for each built-in language a small file with a few things to find. Must not know the page. */

export interface Sample {
  readonly filename: string;
  readonly source: string;
}

const samples: Readonly<Record<string, Sample>> = {
  python: {
    filename: "report.py",
    source: `import os
import sys


def mean(values):
    total = 0
    for value in values:
        total += value
    return totl / len(values)


def describe(name):
    greeting = f"Hello"
    if name == None:
        return greeting
    return greeting + ", " + name


print(describe("Ada"), mean([3, 4, 5]), file=sys.stderr)
`,
  },
  javascript: {
    filename: "cart.js",
    source: `const TAX = 0.19;
const currency = "EUR";

export function total(items) {
  let sum = 0;
  for (const item of items) {
    if (item.price = 0) continue;
    sum += item.price * item.count;
  }
  return summ * (1 + TAX);
}

export function label(kind) {
  switch (kind) {
    case "book":
      return "Book";
    case "book":
      return "Paperback";
  }
}
`,
  },
  typescript: {
    filename: "inbox.ts",
    source: `interface Message {
  id: number;
  body: string;
}

const unread: any = [];

export function preview(message: Message): string {
  let text = message.body!;
  return text.slice(0, 80);
}

export namespace Inbox {
  export type Handler = Function;
}
`,
  },
  css: {
    filename: "button.css",
    source: `.button {
  color: #ff00000;
  padding: 4px 8px;
  padding: 4px 8px;
  font-family: Inter;
}

.Button:hovr {
  COLOR: red;
}

a {
}
`,
  },
  json: {
    filename: "package.json",
    source: `{
  "name": "example",
  "version": "1.0.0",
  "version": "1.0.1",
  "keywords": ["a" "b"],
}
`,
  },
  yaml: {
    filename: "service.yaml",
    source: `service:
  name: example
  port: 8080
  name: again
  hosts: [a.example, b.example
`,
  },
};

/** For a language without a sample of its own: an empty file with the first of its endings. */
export function sampleOf(language: string, extensions: readonly string[]): Sample {
  return samples[language] ?? { filename: `example${extensions[0] ?? ""}`, source: "" };
}

/** Whether the text is one that nobody has typed. */
export function isSample(source: string): boolean {
  return source.trim() === "" || Object.values(samples).some((sample) => sample.source === source);
}
