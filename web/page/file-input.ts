/** A file picked or dropped anywhere on the page becomes its name and its text. Must not know what is done with it. */

export interface PickedFile {
  readonly name: string;
  readonly source: string;
}

export interface FileInputListener {
  onFile(file: PickedFile): void;
  /** One sentence for the user. */
  onRefused(reason: string): void;
}

/** The service takes less unless its operator says otherwise; far more would only stop the browser. */
const fileBytesMax = 8 * 1024 * 1024;

/** `page` wears the class "dropping" while a file is held over it. */
export function wireFileInput(button: HTMLButtonElement, input: HTMLInputElement, page: HTMLElement, listener: FileInputListener): void {
  const take = async (file: File | undefined): Promise<void> => {
    if (file === undefined) return;
    const picked = await read(file);
    if (typeof picked === "string") listener.onRefused(picked);
    else listener.onFile(picked);
  };
  button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    void take(input.files?.[0]);
    // So that the same file can be picked again.
    input.value = "";
  });
  // Captured, because the editor would take the drop as text to insert.
  const onDrag = (event: DragEvent): void => {
    if (event.dataTransfer?.types.includes("Files") !== true) return;
    event.preventDefault();
    event.stopPropagation();
    page.classList.toggle("dropping", event.type === "dragenter" || event.type === "dragover");
    if (event.type === "drop") void take(event.dataTransfer.files[0]);
  };
  for (const type of ["dragenter", "dragover", "drop"] as const) window.addEventListener(type, onDrag, { capture: true });
  window.addEventListener("dragleave", (event) => {
    // Only when it leaves the window: it leaves every element on its way.
    if (event.relatedTarget === null) page.classList.remove("dropping");
  });
}

async function read(file: File): Promise<PickedFile | string> {
  if (file.size > fileBytesMax) return `${file.name} has ${file.size} bytes; this page takes at most ${fileBytesMax}.`;
  try {
    const source = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
    return source.includes("\0") ? `${file.name} is not a text file.` : { name: file.name, source };
  } catch {
    return `${file.name} is not text in UTF-8.`;
  }
}
