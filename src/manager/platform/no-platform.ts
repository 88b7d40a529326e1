/**
 * The platform of a manager that runs no workers: they run elsewhere, at addresses or registering themselves. What several
 * managers of one store have, since none of them sees another's processes. Must not know anything else.
 */
import type { Platform, PlatformWorker, WantedVersion } from "./platform.js";

export class NoPlatform implements Platform {
  readonly name = "none";

  refusalOf({ language }: WantedVersion): Promise<string> {
    return Promise.resolve(`this manager runs no workers (--platform none); start them elsewhere and give --worker HOST:PORT, or let them register themselves with \`lintel linter ${language} --manager …\``);
  }

  want(): void {
    return;
  }

  workers(): readonly PlatformWorker[] {
    return [];
  }

  onChange(): void {
    return;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
