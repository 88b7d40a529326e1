/**
 * The newest durable configuration as those see it who act on it: the publisher, status. Interface alone; must not know
 * how a configuration changes.
 */
import type { StoredConfiguration } from "./stored-configuration.js";

export interface ConfigurationView {
  /** Durable; its revision never goes back. */
  readonly current: StoredConfiguration;
  /** Called with every newer configuration after it has become durable, whichever manager wrote it; for ever. */
  onConfiguration(listener: (configuration: StoredConfiguration) => void): void;
}
