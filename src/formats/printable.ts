/**
 * Text that others wrote (file names, rules, messages), made safe for where it is shown. A message must
 * not move the cursor of a terminal, start a second line, or turn the reading direction around.
 */

/** C0 and C1 controls, line and paragraph separators, bidirectional controls, halves of surrogate pairs. */
// eslint-disable-next-line no-control-regex -- finding them is its purpose
const unprintable = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]|\p{Surrogate}/gu;
const lineBreaks = /[ \t]*(?:\r\n|[\r\n\u2028\u2029])[ \t]*/g;
const surrogateHalves = /\p{Surrogate}/gu;

/** On one line, every control visible as `\x1b` or `\u{202e}`. */
export function oneLine(text: string): string {
  return visible(text.replace(lineBreaks, " ").replaceAll("\t", " "));
}

/** Every control visible, line breaks included: for names, where no character is there for the layout. */
export function visible(text: string): string {
  return text.replace(unprintable, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code <= 0xff ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
  });
}

/** Halves of surrogate pairs have no UTF-8 form, and `encodeURIComponent` throws on them. */
export function wellFormed(text: string): string {
  return text.replace(surrogateHalves, "\ufffd");
}
