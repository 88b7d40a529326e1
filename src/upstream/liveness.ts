/**
 * Finds out that a worker hangs: with calls in flight and nothing heard, asks by PING, and gives up when
 * nothing comes back. Idle connections are left to TCP's own probes. Must not know sockets.
 */

export interface LivenessActions {
  sendPing(): void;
  /** Nothing was heard since the PING of the period before. */
  onDead(): void;
}

export class Liveness {
  /** Set by the owner whenever anything arrives. */
  hasHeard = false;
  private isAsking = false;
  private pingsLeft: number;

  constructor(
    /** C-core counts the PINGs since it last sent data (gRFC A8) and ends the connection at too many. */
    private readonly pingsPerReplyMax: number,
    private readonly actions: LivenessActions,
  ) {
    this.pingsLeft = pingsPerReplyMax;
  }

  /** Part of a reply came. */
  onReply(): void {
    this.pingsLeft = this.pingsPerReplyMax;
  }

  /** Called once per period of silence. */
  tick(hasCalls: boolean): void {
    if (this.hasHeard) {
      this.hasHeard = false;
      this.isAsking = false;
      return;
    }
    if (this.isAsking) {
      this.actions.onDead();
      return;
    }
    if (!hasCalls || this.pingsLeft === 0) return;
    this.pingsLeft--;
    this.isAsking = true;
    this.actions.sendPing();
  }
}
