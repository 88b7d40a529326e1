/**
 * What callers of a manager may do, by role. Must not know methods: whoever serves one says which permission it asks for.
 */

export const roles = ["viewer", "operator", "balancer", "worker", "fleet", "admin"] as const;
export type Role = (typeof roles)[number];

/**
 * "view": see everything. "operate": move traffic among what is there. "administer": say what is run, which is running programs
 * on the machines of the platform. "follow": be told what to balance. "join": offer oneself as a worker.
 */
export type Permission = "view" | "operate" | "administer" | "follow" | "join";

const permissionsByRole: Readonly<Record<Role, readonly Permission[]>> = {
  viewer: ["view"],
  operator: ["view", "operate"],
  // What is stolen from a balancer or a worker changes nothing.
  balancer: ["follow"],
  worker: ["join"],
  // One certificate for all of a fleet (--mutual-tls): either of the two.
  fleet: ["follow", "join"],
  // Where nobody is asked for proof, everybody is this one: balancers and workers, too.
  admin: ["view", "operate", "administer", "follow", "join"],
};

export function mayDo(role: Role, permission: Permission): boolean {
  return permissionsByRole[role].includes(permission);
}

/** The role that is just enough. */
export function leastRoleFor(permission: Permission): Role {
  return roles.find((role) => mayDo(role, permission)) ?? "admin";
}
