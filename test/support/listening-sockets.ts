/** What a process and those it started listen on, as Linux tells it: /proc/PID/fd and /proc/net. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

export interface ListeningSocket {
  readonly protocol: "tcp" | "tcp6" | "udp" | "udp6";
  readonly port: number;
  /** Whether only this machine reaches it. */
  readonly loopback: boolean;
}

const tcpListen = "0A";
/** 127.0.0.0/8, ::1 and ::ffff:127.0.0.0/104, as the kernel writes them: every four bytes the other way round. */
const loopbackAddress = /^([0-9A-F]{6}7F|0{24}01000000|0{16}FFFF0000[0-9A-F]{6}7F)$/;

/** Of these processes. A UDP socket listens when it has a port. */
export function listeningSockets(pids: readonly number[]): ListeningSocket[] {
  const inodes = new Set(pids.flatMap(socketInodes));
  return (["tcp", "tcp6", "udp", "udp6"] as const).flatMap((protocol) =>
    rows(protocol)
      .filter(({ state, inode }) => inodes.has(inode) && (protocol.startsWith("udp") || state === tcpListen))
      .map(({ address, port }) => ({ protocol, port, loopback: loopbackAddress.test(address) })),
  );
}

function socketInodes(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).flatMap((fd) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`${folder}/${fd}`))?.[1] ?? [];
    } catch {
      // Closed a moment ago.
      return [];
    }
  });
}

function rows(protocol: string): { address: string; port: number; state: string; inode: string }[] {
  const lines = readFileSync(`/proc/net/${protocol}`, "utf8").trim().split("\n").slice(1);
  return lines.map((line) => {
    const [, local = "", , state = "", , , , , , inode = ""] = line.trim().split(/\s+/);
    const [address = "", port = ""] = local.split(":");
    return { address, port: Number.parseInt(port, 16), state, inode };
  });
}
