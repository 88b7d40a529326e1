/**
 * A process that can be told to go and heard to have gone, whether this program started it or found it. Must not know what
 * it does.
 */
import type { ChildProcess } from "node:child_process";
import type { Clock } from "../../base/clock.js";
import { codeOf } from "../../base/errors.js";
import { identityOf } from "./process-identity.js";

export interface RunningProcess {
  readonly pid: number;
  /** Harmless when it has ended. */
  signal(signal: NodeJS.Signals): void;
  /** Called once, with "exit code 1", "SIGKILL" or that it is gone; also when it could not be started. */
  onExit(listener: (how: string) => void): void;
}

export function childProcess(child: ChildProcess): RunningProcess {
  return {
    pid: child.pid ?? 0,
    signal: (signal) => void child.kill(signal),
    onExit(listener) {
      let told = false;
      const tell = (how: string): void => {
        if (!told) listener(how);
        told = true;
      };
      child.once("error", (error) => tell(error.message));
      child.once("exit", (code, signal) => tell(signal ?? `exit code ${code ?? 0}`));
    },
  };
}

/** Two reads in /proc for each process; how late the end of one that is not our child is noticed. */
const lookEveryMs = 250;

/** The process that had this number and identity, if it is still there. Its exit code is its parent's to know. */
export function adoptedProcess(pid: number, identity: string, clock: Clock): RunningProcess | undefined {
  const isThere = (): boolean => identity !== "" && identityOf(pid) === identity;
  if (!isThere()) return undefined;
  return {
    pid,
    signal(signal) {
      // Looked at in the same turn: a number is not given out again within microseconds of its process's end.
      if (!isThere()) return;
      try {
        process.kill(pid, signal);
      } catch (thrown) {
        if (codeOf(thrown) !== "ESRCH") throw thrown;
      }
    },
    onExit(listener) {
      const look = clock.every(lookEveryMs, () => {
        if (isThere()) return;
        clock.clear(look);
        listener("it is gone");
      });
    },
  };
}
