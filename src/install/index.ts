// The door of what a deployment is made of: images of the appliance, config drives, the report of a first boot.

export { type AddressEntry, type Addresses, createAddresses, type GivenAddress } from './addresses/addresses.ts';
export { INSTALLERS as ANSWER_INSTALLERS, type InstallerRelease, releaseOf } from './answer/releases.ts';
export { answerRules, knowsKey } from './answer/rules.ts';
export { createDeployments, type DeploymentOptions, type Deployments } from './deployment.ts';
export { type Answering, createAnswering } from './desk/answer.ts';
export { createInstallDesk } from './desk/desk.ts';
export type { DeskParts } from './desk/parts.ts';
export {
  type BootMode,
  bootModeOf,
  type Candidate,
  type ChoiceAsk,
  chooseSystemDisks,
  DEFAULT_SYSTEM_DISKS,
  type DiskChoice,
  type DiskIdentity,
  type DiskVerdict,
  isNamed,
  isPrintedOn,
  type MachineDisk,
  type MachineReport,
  machineDisks,
  makeStamps,
  namelessWhy,
  type ProofAsk,
  proveSelection,
  type SelectionFault,
  serialSelection,
  sizeText,
  systemDisksOf,
  tableIds,
  udevOf,
  withinPlan,
} from './disks/index.ts';
export { INSTALL_ERRORS } from './errors.ts';
export type { Report as FirstBootReport } from './first-boot.ts';
export { createGuardedFetch, type Fetch } from './guarded-fetch.ts';
export { dataBytes, type ImageMap } from './image-map.ts';
export { createImageFiles, type ImageFile, type ImageFiles, imageDirectory } from './images.ts';
export {
  createInstallers,
  type InstallerImport,
  type InstallerParts,
  type InstallerStore,
  ISO_MAX_BYTES,
  installerDirectory,
  PART_MAX_BYTES,
  selftestIso,
  type Upload,
} from './installers/installers.ts';
export { type ImageProfile, imageInstanceInfo } from './profile.ts';
export type { InstallBook, ModeFileParts } from './protocol/book.ts';
export { type BootOrders, createBootOrders } from './protocol/boot-orders.ts';
export { INSTALL_PROTOCOL_ERRORS } from './protocol/errors.ts';
export { createGivenUp, type GivenUp } from './protocol/given-up.ts';
export { renderModeFile } from './protocol/mode-file-render.ts';
export { createInstallProtocol, type InstallProtocol, type InstallProtocolOptions, installBook } from './protocol/protocol.ts';
export type { InstallationRecord } from './protocol/record.ts';
export type { InstallationView } from './protocol/view.ts';
export {
  type AnswerDrafts,
  type AnsweredPlan,
  type AnswerOrder,
  type AnswerPreview,
  type AnswerPreviews,
  type AnswerSecrets,
  type AnswerTemplates,
  createAnswerDrafts,
  createAnswerPreviews,
  createAnswerTemplates,
  createRootPasswords,
  type Draft,
  type DraftOrder,
  type FactSources,
  factsOf,
  faultText,
  type InstallDefaults,
  type LastPlan,
  type MachineFacts,
  machineFacts,
  managementMacOf,
  type PlacedFault,
  type PlannedDocument,
  type PreviewOrder,
  placed,
  planDocument,
  type RenderedAnswer,
  type RootPassword,
  type RootPasswords,
  renderAnswer,
  type TemplateEntry,
  type Variables,
} from './render/index.ts';
export type { AnswerDocument, AnswerFault, AnswerRules, AnswerTarget, Installer, Installers, InstallPlan } from './seam.ts';
