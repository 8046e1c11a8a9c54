import BerthCore
import BerthManifest

/// What a worker shares with the rest of the node: one for all of them.
final class EngineServices: Sendable {
  let pods: any PodService
  let images: ImageDesk
  let health: any HealthService
  let clock: any EngineClock
  let dependencies: DependencyBoard
  let schedules: ScheduleDesk
  /// What pods are on that name no network.
  let standardNetwork: PodNetwork
  /// Lets the worker of a pod look again.
  let mark: @Sendable (PodKey) -> Void
  let statuses: StatusStore
  let events: EventLog
  let pool: any TaskExecutor
  let rollouts: RolloutMemory
  let pasts: PastMemory
  /// Keeps the newest word of the directory for later daemons.
  let remember: @Sendable (PodKey, DesiredEntry) -> Void
  /// Called once nothing is asked for and nothing is left of a pod.
  let retire: @Sendable (PodWorker) -> Void
  let telemetry: Telemetry
  let busy: BusyCount
  let rest: RestKeeper

  init(
    pods: any PodService, images: ImageDesk, health: any HealthService, clock: any EngineClock, dependencies: DependencyBoard,
    schedules: ScheduleDesk, standardNetwork: PodNetwork, mark: @escaping @Sendable (PodKey) -> Void, statuses: StatusStore,
    events: EventLog, pool: any TaskExecutor, rollouts: RolloutMemory, pasts: PastMemory,
    remember: @escaping @Sendable (PodKey, DesiredEntry) -> Void, retire: @escaping @Sendable (PodWorker) -> Void, telemetry: Telemetry,
    busy: BusyCount, rest: RestKeeper
  ) {
    (self.pods, self.images, self.health, self.clock) = (pods, images, health, clock)
    (self.dependencies, self.schedules, self.standardNetwork) = (dependencies, schedules, standardNetwork)
    (self.mark, self.statuses, self.events, self.pool) = (mark, statuses, events, pool)
    (self.rollouts, self.pasts, self.remember, self.retire) = (rollouts, pasts, remember, retire)
    (self.telemetry, self.busy, self.rest) = (telemetry, busy, rest)
  }
}
