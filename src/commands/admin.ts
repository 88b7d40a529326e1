/**
 * `lintel admin`: the administrators' client. Talks to a manager (--manager), and to the admin port of a single balancer that
 * runs from a file (--admin). Exit codes: 0 done, 1 failed, 2 usage, 3 conflict, 4 not everywhere before the timeout,
 * 6 not allowed.
 */
import type { Command } from "commander";
import { askAdmin } from "../client/balancer-port.js";
import { defineChanges, defineDrains } from "./admin-changes.js";
import { type OutputFormat, print } from "./admin-connection.js";
import { defineReload } from "./admin-reload.js";
import { defineStatus, defineViews, showStatus, type StatusFlags } from "./admin-views.js";

export function define(command: Command): void {
  defineStatus(command)
    .option("--admin <url>", "of one balancer instead, from its admin port")
    .action((flags: StatusFlags & { readonly admin?: string }) => (flags.admin === undefined ? showStatus(flags) : balancerStatus(flags.admin, flags.output)));
  defineChanges(command);
  defineDrains(defineViews(command));
  defineReload(command);
}

/** For people, too, as JSON: it is a balancer's own view, with more in it than a table holds. */
async function balancerStatus(admin: string, output: OutputFormat): Promise<void> {
  const { body } = await askAdmin(admin, "GET", "/status");
  await print(output === "table" ? "json" : output, body as object, () => "");
}
