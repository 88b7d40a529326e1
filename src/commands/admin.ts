/** `lintel admin`: the operator's client. Exit codes: 0 done, 1 failed, 2 usage. */
import type { Command } from "commander";
import { exitCodes } from "../base/errors.js";
import { askAdmin } from "../client/admin-client.js";
import type { ReloadOutcome } from "../manager-link/link.js";

const defaultAdmin = "http://127.0.0.1:9901";

export function define(command: Command): void {
  const sub = (name: string, summary: string): Command =>
    command
      .command(name)
      .description(summary)
      .option("--admin <url>", "the balancer's admin port", process.env["LINTEL_ADMIN"] ?? defaultAdmin);
  sub("reload", "make the balancer read its configuration again").action(({ admin }: { admin: string }) => reload(admin));
  sub("status", "print the balancer's status as JSON").action(({ admin }: { admin: string }) => status(admin));
}

async function reload(admin: string): Promise<void> {
  const { body } = await askAdmin(admin, "POST", "/reload");
  const outcome = body as ReloadOutcome;
  switch (outcome.kind) {
    case "applied":
      for (const warning of outcome.warnings) process.stderr.write(`warning: ${warning}\n`);
      process.stdout.write(`revision ${outcome.revision} is active on every shard\n`);
      break;
    case "unchanged":
      process.stdout.write(`nothing changed; revision ${outcome.revision} stays active\n`);
      break;
    case "refused":
      for (const problem of outcome.problems) process.stderr.write(`${problem}\n`);
      process.stderr.write("lintel: the configuration was refused; the one before it goes on serving\n");
      process.exitCode = exitCodes.failed;
      break;
  }
}

async function status(admin: string): Promise<void> {
  const { body } = await askAdmin(admin, "GET", "/status");
  process.stdout.write(`${JSON.stringify(body, null, 2)}\n`);
}
