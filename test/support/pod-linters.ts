/** Real `lintel linter` processes at the addresses of pods: what the containers of a fake kubelet are. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { KubeletPod, RunningContainer } from "./fake-kubelet.js";
import { mainPath } from "./run-lintel.js";

export class PodLinters {
  /** By the pod's name. */
  readonly children = new Map<string, ChildProcess>();
  readonly logs: string[] = [];

  /** For a FakeKubelet. */
  readonly run = async (pod: KubeletPod, ip: string): Promise<RunningContainer> => {
    const name = pod.metadata?.name ?? "";
    // Of other programs the test is the container.
    if (pod.metadata?.labels?.["app.kubernetes.io/component"] !== "linter") return { stop: () => Promise.resolve(), ended: new Promise(() => undefined) };
    const args = (pod.spec?.containers[0]?.args ?? []).map((word) => word.replace(/^(0\.0\.0\.0|\[::\]):/, `${ip}:`));
    // One analysis at a time is enough here, and a process with two starts slower.
    const threads = args.indexOf("--threads");
    if (threads >= 0) args[threads + 1] = "1";
    // One that outlived a test that was killed would keep its address from the next.
    const child = spawn("setpriv", ["--pdeathsig", "KILL", process.execPath, mainPath, ...args], { stdio: ["ignore", "ignore", "pipe"], env: { ...process.env, LINTEL_LOG_LEVEL: "info" } });
    this.children.set(name, child);
    const ended = once(child, "exit").then(() => undefined);
    let said = "";
    await new Promise<void>((resolve) => {
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        said += text;
        if (said.includes('"listening"')) resolve();
      });
      void ended.then(() => resolve());
    });
    if (!said.includes('"listening"')) this.logs.push(`${name}: ${said}`);
    const stop = async (): Promise<void> => {
      child.kill("SIGTERM");
      await ended;
      this.children.delete(name);
    };
    return { stop, ended };
  };

  killAll(): void {
    for (const child of this.children.values()) child.kill("SIGKILL");
  }
}
