/**
 * A manager link whose reload reads files with secrets again, too: all of it or nothing. Must not know what is in them.
 */
import type { ManagerLink, ReloadOutcome, ReloadRequest, StandingReceiver } from "../manager-link/link.js";
import type { FollowedFiles } from "./followed-files.js";

export class LinkWithFiles implements ManagerLink {
  readonly name: string;

  constructor(
    private readonly link: ManagerLink,
    private readonly files: readonly Pick<FollowedFiles<unknown>, "look" | "tell">[],
  ) {
    this.name = link.name;
  }

  start(receiver: StandingReceiver): Promise<void> {
    return this.link.start(receiver);
  }

  staleBecause(): string {
    return this.link.staleBecause();
  }

  async reload(request?: ReloadRequest): Promise<ReloadOutcome> {
    const looks = await Promise.all(this.files.map((one) => one.look()));
    const problems: string[] = [];
    for (const [index, look] of looks.entries()) {
      if (look.kind !== "bad") continue;
      this.files[index]?.tell(look.problem);
      problems.push(look.problem);
    }
    if (problems.length > 0) return { kind: "refused", problems };
    const outcome = await this.link.reload(request);
    const isDryRun = request?.dryRun === true;
    if (isDryRun || (outcome.kind !== "applied" && outcome.kind !== "unchanged")) return outcome;
    return this.useNew(looks.flatMap((look) => (look.kind === "new" ? [look.use] : [])), outcome);
  }

  stop(): Promise<void> {
    return this.link.stop();
  }

  private async useNew(uses: readonly (() => Promise<string>)[], outcome: Extract<ReloadOutcome, { readonly kind: "applied" | "unchanged" }>): Promise<ReloadOutcome> {
    if (uses.length === 0) return outcome;
    const refused: string[] = [];
    for (const use of uses) {
      const why = await use();
      if (why !== "") refused.push(why);
    }
    const { warnings, late } = outcome.kind === "applied" ? outcome : { warnings: [], late: "" };
    return { kind: "applied", revision: outcome.revision, warnings: [...warnings, ...refused], late };
  }
}
