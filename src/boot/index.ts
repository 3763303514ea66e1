// What to send to which machine when it boots from the network.

export { type Attempts, createAttempts } from './attempts.ts';
export {
  type Boot,
  type BootLoop,
  type BootOptions,
  type BootQuestion,
  createBoot,
  type MachineBoot,
  type Site,
  type TurnAway,
} from './boot.ts';
export { decideProgram, type KnownMachine, type Program, type Situation } from './decide/decide.ts';
export { type ClientFacts, decideOffer, type Offer } from './decide/decide-offer.ts';
export { globFits } from './decide/glob.ts';
export { decideInstall, INSTALLER_BOOTS_MAX, type InstallProgress, type InstallVerdict } from './decide/install-decide.ts';
export { checkLoader, inspectLoader, LOADER_BYTES_MAX, LOADER_NAMES, type LoaderFacts, type LoaderKind } from './decide/loader-decide.ts';
export { INSTALLED_LOADERS } from './decide/own-disk-decide.ts';
export { createEnrolment, type Enrolment, type EnrolmentState } from './enrolment.ts';
export { BOOT_ERRORS } from './errors.ts';
export { addOwnFile, type FileStoreOptions, installFiles, type NewFile, removeOwnFile, sha256OfPath } from './files/file-store.ts';
export { type BootFile, type BootFiles, loadBootFiles, loadOwnFiles, NO_BOOT_FILES, OWN_FILES } from './files/files.ts';
export { type LiveBootFiles, openBootFiles } from './files/live-files.ts';
export { createTftpFiles, type FindBootFile, type OpenBootFile } from './files/tftp-files.ts';
export { type BootHttp, type BootHttpOptions, createBootHttp, type TextAnswer, type TextRequest } from './http/http.ts';
export { urlHost } from './http/http-address.ts';
export { fileServable, type Servable } from './http/servable.ts';
export {
  INSTALL_FILES,
  type InstallerBoot,
  type InstallFile,
  type Installs,
  NO_INSTALLS,
  type SendWatch,
  type WatchedServable,
} from './installs.ts';
export { BOOT_HOLD, REJECTED } from './known-machine.ts';
export { localAddressFor } from './local-address.ts';
export { createGrub, type Grub } from './script/grub.ts';
export { compileGrub, GRUB_NAMES, type GrubName, type GrubScripts } from './script/grub-render.ts';
export {
  type AgentBoot,
  compileScripts,
  type DiskWay,
  type Message,
  SCRIPT_NAMES,
  type ScriptName,
  type Scripts,
} from './script/script.ts';
