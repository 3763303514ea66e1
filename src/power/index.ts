// The drivers' door: what a machine can be told, by whom, and how it is asked. Knows nothing of states, tasks or the API.

export type { AgentDesk, AgentOrder, OrderStanding } from './agent-desk.ts';
export { CLEANINGS, type Cleaning } from './agent-steps/clean.ts';
export { wantsConfigDrive } from './agent-steps/deploy.ts';
export { FIRST_BOOT } from './agent-steps/first-boot-decide.ts';
export { type ImageReading, readImage } from './agent-steps/image-decide.ts';
export { type ApplianceImages, NO_IMAGES } from './agent-steps/images.ts';
export { BEGUN } from './agent-steps/order.ts';
export { RUN_PIPELINE } from './agent-steps/proxmox.ts';
export { chooseRootDisk, type RootChoice } from './agent-steps/root-disk-decide.ts';
export { type SeenDisk, seenDisks } from './agent-steps/seen-disks.ts';
export { createDrivers, type DriverParts, manualOf } from './drivers.ts';
export { POWER_ERRORS } from './errors.ts';
export { createGateway, type GatewayLimits, type GatewayOptions } from './gateway.ts';
export type { Asking, BreakerState, Gateway, Question, QueueState, SetPower, StepRequest } from './gateway-seam.ts';
export type { InstallDesk, InstallOrder, InstallPrepared, InstallStanding } from './install-desk.ts';
export { createMemory, forgetGoneNodes, type Memory } from './memory.ts';
export { NO_DESK, NO_INSTALL_DESK, NO_PIPELINE_DESK } from './no-desk.ts';
export { NOBODY, type People } from './people.ts';
export type { PipelineDesk, PipelineOrder, PipelineStanding } from './pipeline-desk.ts';
export { createRegistry } from './registry.ts';
export {
  type AgentWord,
  type BiosDriver,
  BOOT_DEVICES,
  type BootDevice,
  type BootDeviceSetting,
  type Call,
  type ConsoleDriver,
  type Driver,
  type DriverStep,
  type FirmwareDriver,
  type HardwareType,
  type InspectDriver,
  type ManagementDriver,
  POWER_TARGETS,
  type PowerDriver,
  type PowerReading,
  type PowerTarget,
  type Recorded,
  type Registry,
  STEP_KINDS,
  type StepKind,
  type StepOutcome,
  type StepRun,
  type StepWait,
  type Target,
  type VendorDriver,
  type VendorMethod,
} from './seam.ts';
export { createSightings, type Sighting, type Sightings } from './sightings.ts';
export { createSignIn, type SignIn, type SignInOrder } from './sign-in.ts';
export type { ApplianceKey } from './ssh.ts';
export { createApplianceKey } from './ssh-key.ts';
export { askSsh } from './ssh-session.ts';
export { isWaiting } from './step-outcome.ts';
export { createPowerSync, type PowerSync, type PowerSyncOptions, type SyncCounts } from './sync/sync.ts';
