/** Bad clients in a process of their own, which bad-crowd.ts starts and talks to. */
import { type BadKind, BadClients } from "./bad-clients.js";

export type ToCrowd =
  | { readonly kind: "add"; readonly port: number; readonly path: string; readonly clients: readonly BadKind[]; readonly count: number; readonly overMs: number }
  | { readonly kind: "stop" };

export interface FromCrowd {
  readonly open: number;
  readonly endings: Readonly<Record<string, number>>;
}

const tellMs = 50;
let crowds: BadClients[] = [];

process.on("message", (message: ToCrowd) => {
  if (message.kind === "stop") {
    for (const crowd of crowds) crowd.stop();
    crowds = [];
    return;
  }
  const crowd = new BadClients(message.port, message.path);
  for (const kind of message.clients) crowd.add(kind, Math.ceil(message.count / message.clients.length), message.overMs);
  crowds.push(crowd);
});
setInterval(() => {
  const endings: Record<string, number> = {};
  for (const crowd of crowds) for (const [status, count] of Object.entries(crowd.endings)) endings[status] = (endings[status] ?? 0) + count;
  process.send?.({ open: crowds.reduce((sum, { open }) => sum + open, 0), endings } satisfies FromCrowd);
}, tellMs);
process.once("disconnect", () => process.exit(0));
