/** `lintel manager` and the balancers that follow it, as processes, stopped with the test. */
import { startProgram, type Harness, type Program } from "./service.js";

export interface ManagerHere extends Program {
  /** HOST:PORT. */
  readonly address: string;
}

/** On a free port, unless `args` say where. */
export async function startManager(t: Harness, store: string, args: readonly string[] = []): Promise<ManagerHere> {
  const listen = args.includes("--listen") ? [] : ["--listen", "127.0.0.1:0"];
  const program = await startProgram(t, ["manager", "--store", `file:${store}`, ...listen, ...args], /"msg":"manager ready","address":"([^"]+)"/);
  return { ...program, address: program.ready[1]! };
}

export interface Follower extends Program {
  /** Of users. */
  readonly url: string;
}

/** A balancer with one shard that follows the manager; resolves when it is ready, which takes a configuration to serve. */
export async function startFollower(t: Harness, manager: string, { name, state }: { readonly name: string; readonly state: string }): Promise<Follower> {
  const ports = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--shards", "1"];
  const program = await startProgram(t, ["balancer", "--link", `manager:${manager}`, "--name", name, "--state", state, ...ports], /"msg":"balancer ready","url":"([^"]+)"/, { stopTimeoutMs: 60_000 });
  return { ...program, url: program.ready[1]! };
}
