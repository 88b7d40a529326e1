/**
 * One balancer's stream, as states and messages: what it holds, what it was sent, what it owes. Sends at most one message that
 * is not received yet; what is published meanwhile goes out as one. Must not know gRPC.
 */
import type { BalancerMessage, HelloMessage, NackMessage } from "../snapshot/link-messages.js";
import type { Fleet, FleetMember } from "./fleet.js";
import { type Held, messageBytes } from "./link-wire.js";
import type { Publication, Publisher } from "./publisher.js";

export class LinkSession {
  private member: FleetMember | undefined;
  /** What the balancer certainly holds. */
  private held: Held | undefined;
  /** What went out last, under `nonce`. */
  private sent: Publication | undefined;
  private sentWhole = false;
  private nonce = 0;
  private underway = false;

  constructor(
    private readonly publisher: Publisher,
    private readonly fleet: Fleet,
    private readonly write: (message: Buffer) => void,
  ) {}

  get greeted(): boolean {
    return this.member !== undefined;
  }

  /** "" or a sentence that says what is wrong with it; the stream should end then. */
  hear({ hello, receipt, ack, nack, standing }: BalancerMessage): string {
    if (hello !== undefined) return this.greet(hello);
    if (this.member === undefined) return "a balancer speaks first with Hello";
    if (receipt !== undefined) this.received(receipt.nonce);
    else if (ack !== undefined) {
      this.received(ack.nonce);
      this.member.acked(ack.nonce, ack.revision, ack.shardRevisions);
    } else if (nack !== undefined) this.refused(nack, this.member);
    else if (standing !== undefined) this.member.stands(standing);
    return "";
  }

  /** There is a new publication, or room for one. */
  offer(): void {
    const { current } = this.publisher;
    if (this.member === undefined || this.underway || current === undefined || current === this.sent) return;
    this.nonce++;
    this.underway = true;
    this.sent = current;
    this.sentWhole = this.held === undefined;
    this.member.sent(this.nonce);
    this.write(messageBytes(this.nonce, current, this.held));
  }

  ended(how: "closed" | "silent"): void {
    this.member?.gone(how);
  }

  private greet(hello: HelloMessage): string {
    if (this.member !== undefined) return "a balancer says Hello once";
    if (hello.balancer === "") return "a balancer has a name";
    const publication = this.publisher.withChecksum(hello.checksum);
    if (publication !== undefined) this.held = { revision: hello.revision, publication };
    this.member = this.fleet.join(hello);
    this.offer();
    return "";
  }

  private received(nonce: number): void {
    if (nonce !== this.nonce || !this.underway || this.sent === undefined) return;
    this.underway = false;
    this.held = { revision: this.sent.revision, publication: this.sent };
    this.offer();
  }

  /** What it holds is what it held before; the same is not offered again, unless it asks for it as a whole. */
  private refused({ nonce, reason, wantWhole }: NackMessage, member: FleetMember): void {
    member.refused(reason);
    if (nonce !== this.nonce) return;
    this.underway = false;
    if (wantWhole) this.held = undefined;
    if (wantWhole && !this.sentWhole) this.sent = undefined;
    this.offer();
  }
}
