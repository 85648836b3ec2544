"""raftplay: an interactive playground for the Raft consensus algorithm. This is the guide to its code.

The algorithm is raft/consensus.py: one class, `ConsensusModule`, that follows Figure 2 of the paper and does no
I/O. Everything else runs several such nodes, breaks what is between them, or shows what they do. Paths below are
relative to this folder. A room imports only from rooms that stand above it in this list (pyproject.toml,
import-linter).

The rooms, from the ground up
  errors.py      `UsageError`, the error for wrong input, which every room may raise
  linearizability/ decides whether what clients saw has an order that explains it: operations.py, search.py
                 (which finds one), smallest.py (a part that has none), report.py and timeline.py (its words),
                 readers.py and edn.py (histories of other programs)
  raft/          the algorithm, as the boxes of Figure 2: consensus.py, state.py, rules.py (its sentences, pure;
                 reasons.py names them), messages.py (the RPCs, and log entries); rpcs.py (a row for each kind of
                 RPC); log.py, quorum.py, roles.py (the state of candidates and leaders), leases.py (who keeps a
                 leader), progress.py (a leader's view of one peer), storage.py (what must survive a crash),
                 values.py (a state as a value), decisions.py (what a node decided, as events) and rule_names.py
                 (by which rule); transfer.py (leadership transfer), reads.py (ReadIndex and leases),
                 snapshots.py and image.py (snapshots, and compacted logs); raft/bugs/ overrides single rules in
                 subclasses
  watch/         the stream of events: stream.py; facts.py (events that are no decisions: messages, faults; those
                 of clients in client_facts.py); event_table.py (a function for each class, for readers of every
                 event); narrator.py and words.py (events in words); trace.py (events as a file, which replay.py
                 checks); watch/invariants/ (checks every event)
  backends/      time and transport behind one protocol, base.py: tcp.py (real time, with a thread of its own,
                 loop_thread.py, and sockets, sockets.py), sim.py (virtual time)
  kv/            a key-value store as a state machine: commands.py (what the log holds), machine.py (values, and
                 the sessions that make requests exactly-once), clients.py, load.py
  cluster/       server.py drives one node, with alarm.py (its timer), applied.py (its commits and snapshots),
                 reading.py (reads), observer.py (its decisions), tuning.py (its options), crashing.py (how it
                 goes down), and calls its code through node_code.py (raised.py reports what that raises);
                 calls.py (`Calls`, `Links`), proxy.py and inbox.py are the stages between it and the network
                 (rpc.py: what passes them), network.py the faults of links, flight.py the messages in flight,
                 holding.py what links hold; cluster.py holds all servers, their disks and the actions on nodes,
                 with those of hardware_actions.py, timer_actions.py and link_actions.py (over servers.py, which
                 they share); harness.py makes them methods, with the waits of waits.py and the assertions of
                 checks.py, over the parts of running.py (where `members` is the `Cluster`), which attributes.py
                 reads; failures.py keeps what is raised next; snapshot.py is the state of a cluster as a value;
                 own_node.py loads a user's class of nodes, own_methods.py checks its methods, and results.py
                 what they return (guard.py does so without servers, for explore); machine.py is the interface of
                 a state machine, image.py what a snapshot holds of its state, commits.py forgets old commits;
                 cluster/storage/ keeps what must survive a crash, in files of SQLite; disk.py there is between a
                 node and its storage; given.py: disks that hold something before the start; hardware.py is the
                 disk, the clock and the timings of each node, writing.py a write that waits for a slow disk,
                 with what waits for it
  maelstrom/     the key-value store under Maelstrom: node.py is one node without I/O, pipe.py its standard
                 streams
  past/          history.py keeps events; world.py and node.py fold them into the cluster as it was at one event,
                 story.py (with transfers.py and snapshots.py) and rpcs.py into what led to a node's state and
                 what became of an RPC (index.py looks them up); leases.py says how long leaders and followers
                 have heard nothing; calls.py folds the operations of clients, stores.py what waits for a node's
                 store; view.py is the `View`, now or then: the only thing that screens read
  why/           answers.py explains a `View`: why/facts/ finds facts in it (nodes.py, entries.py …), why/words/
                 puts them into words, in modules of the same names
  session/       session.py runs commands on a cluster and its branches (branches.py), and keeps them in a
                 journal, which journal.py writes as a script and replay.py plays again; deeds.py has the
                 commands that it gives itself, under_way.py the running one, recorded_file.py the file of
                 `record`; views.py shows a branch; outcome.py says what became of a command; nothing is parsed
                 here
  language/      the command language: lexer.py splits lines, table.py holds a row per command, kinds.py,
                 link_kinds.py (links and messages), selectors.py (nodes), conditions.py and measures.py
                 (numbers) read arguments, completion.py says what may follow, repeats.py unrolls `repeat` …
                 `end`
  commands/      the commands, one function each (acting.py, timing.py: waits and `expect`, looking.py,
                 rewinding.py: the past, keeping.py: files, why.py …), and `Setup` (setup.py): the settings that
                 set-up lines, the command line and `new` choose
  run/           script.py parses scripts, captions.py reads their comments, runner.py runs them, transcript.py
                 tells of it; notes.py lets speaker notes follow a screen; live.py runs typed lines, and lets
                 time pass meanwhile; golden.py compares answers with those that a script expects, comparing.py a
                 run with one under another setting
  scenarios/     scripts that ship with raftplay, those in scenarios/bugs/ with a bug switched on, in
                 scenarios/incidents/ replays of public incidents
  explore/       explore/search/ searches seeds for violations: sweep.py hands out chunks of seeds (chunk.py) to
                 workers behind one protocol, port.py, and gives one answer; dask_workers.py puts it on many
                 machines; trial.py, mixes.py (its acts; chooser.py), options.py and recovery.py try a seed, and
                 shrink.py minimizes what broke; explore/walks/ walks at random over bare consensus modules
                 (bare.py, walk.py; ghost.py tries on copies what no cluster gives, duties.py looks for what a
                 node owes besides safety), and writes a walk as a script; explore/exhaustive/ visits
                 every state of a few; explore/scripts/ runs a script with many seeds, and minimizes one that
                 fails; explore/fuzz/ sends mutated frames, and runs generated scripts
  lessons/       lessons: language.py parses them (lines.py) into values (steps.py), course.py runs one step
                 after another, lessons/files/ holds them
  bench/         measures figures next to a lower bound
  shell/         the line to type into, on prompt_toolkit
  tui/           the screen, on textual: placed.py has the boxes, acting.py what keys do, app.py the rest of the
                 app, ending.py what signals do, menu.py the menus over the stage (model/menu.py says what they
                 offer), lesson.py the screen of a lesson; without textual, keys.py is the table of keys,
                 playhead.py chooses the moment to show, with under_way.py (messages) and noteworthy.py (the
                 events that are waited for), tui/stage/ paints it and tells of it, and tui/model/ turns a `View`
                 into drawers; first.py and coach.py speak to a newcomer, demo.py acts for one who watches
                 (unattended.py begins it), hovering.py tells what the mouse is over, elsewhere.py leads to
                 stories and lessons; picture.py, film.py and svg.py make SVG files of the screen; comparing.py
                 shows two branches, with pair.py and comparison.py of tui/stage/; tui/output/ writes the cells
                 that changed, as fast as the terminal takes them, tui/serve/ shows them to browsers, and
                 tui/visits/ gives each visitor a screen of their own in the browser (house.py is the server,
                 visitor.py the process of each)
  export/        runs as files for those who have no raftplay, a row for each format: recording.py is what all
                 read, replay.py the data of the HTML page (export/page/ holds its script and style), live.py
                 those of a run that goes on, which tui/serve/feed.py gives to browsers
  python/        for Python: harness.py is the public `Harness`: playing.py has commands as methods, recorded.py
                 keeps what methods do in the session's journal, as words.py writes it; answers.py is what they
                 return, pictures.py its look in a notebook; scripts.py is `raftplay.run`, search.py is
                 `raftplay.explore`
  cli/           the command line, on typer: options into calls, failures into exit statuses; __main__.py calls
                 it
Beside them: called.py (packages that are functions), docs/ (reference pages, shown by `raftplay help NAME`),
docstrings.py (help texts from docstrings), examples/ (notebooks), files.py (output files), html.py (tables of
notebooks), locks.py (file locks), output.py (standard streams), places.py (where user files are kept),
pytest_plugin.py (fixtures for pytest), signals.py, version.py.

A command: `submit x`
  1. A line comes from a script (run/script.py, which parses it before anything runs, and run/runner.py) or from
     a person (run/live.py). language/lexer.py splits it into words; `parse` in language/table.py finds the row
     `submit` and reads each argument with its kind (language/kinds.py). The result is a `Bound` command.
  2. `Session.perform` in session/session.py runs it, keeps it in the journal from which `save` writes a script,
     and returns its `Outcome` (session/outcome.py).
  3. `submit` in commands/acting.py calls `Harness.submit_to_server` (cluster/harness.py; the `Harness` of
     python/harness.py is for users, and does the same), which calls `Server.submit` (cluster/server.py) of the
     node that it names, by default the leader. A server calls its node only through `NodeCode.submit` and its
     like (cluster/node_code.py), as a node may have a user's class.
  4. `ConsensusModule.submit` (raft/consensus.py, and all that is named without a file below) appends the entry
     to its log in memory and marks every peer as due for AppendEntries. It returns the index: nothing is written
     or sent yet.
  5. The loop of the backend calls `Server.settle_pending` soon after, which calls `Server._settle`:
     `ConsensusModule.persist` writes term, vote and log to the disk, from when on the leader's own copy counts;
     commits are applied, reads that are over are answered, a reply is sent if there is one, then the RPCs from
     `ConsensusModule.take_calls`, and the timer is set, in this order. Every input of a node ends there.
  6. Each peer gets AppendEntries (next walk). Its reply comes to `ConsensusModule.reply_received`, where
     `_append_answered` raises the peer's match index; `_advance_commit_index` commits the entry once a majority
     has it (raft/quorum.py) and it is of the current term (`Rules.may_commit` in raft/rules.py).
  7. `Server._settle` again: the entry, from `Applier.take_commits` (cluster/applied.py), goes to the state
     machine (by default a `KeyValueStore`) and to the node's list of commits; the next AppendEntries carries the
     new commit index to the peers, which commit it in `ConsensusModule.append_entries`.
  8. `wait committed x` in commands/timing.py reads its condition (language/conditions.py) and waits for it with
     `wait_until` (cluster/waits.py). run/runner.py gives the answer of each command to the transcript:
     `TextTranscript.step` or `JsonTranscript.step` (run/transcript.py).

A frame: one RPC and its reply
  1. `Calls.call` (cluster/calls.py) numbers it; `RPCProxy.send` may drop it; `Links.send` (calls.py too) asks
     `Network.fate` (cluster/network.py) for its delays: none if it is lost, several if it is duplicated.
  2. A delayed or held message waits in `Flights` (cluster/flight.py), where `messages`, `hold` and `lose` find
     it.
  3. `Endpoint.send` carries it: backends/wire.py encodes a frame and backends/sockets.py sends it, or
     backends/sim.py calls the receiver.
  4. `Links.call_arrived` of the peer gives it to its `RPCProxy`, which delays it, and this to the `Inbox`, which
     keeps it while the process is paused; the server then calls `ConsensusModule.request_received`, which calls
     `request_vote`, `append_entries` or the method that the row of raft/rpcs.py names, and settles.
  5. `Links.reply` sends the reply past the same faults; `Links.reply_arrived` takes it to the `Inbox`,
     `Calls.answered` finds its request by number, and the server gives both to `ConsensusModule.reply_received`.

An event: from a decision to the screen
  1. `State._tell` hands a value of raft/decisions.py to `tell` of an `Observer` (cluster/observer.py): the
     function of `Stream.observer`, or `Observer.publish`, which checks what a user's class has decided first.
     Servers and the stages of an RPC publish those of watch/facts.py with `NodeEvents` (cluster/rpc.py), the
     cluster with `Stream.publish`. Without readers no event is made.
  2. The stream (watch/stream.py) numbers it. It calls each `Watcher` with the event alone: the invariants
     (watch/invariants/watcher.py), which report a violation. Then it calls the other readers with a `Record`,
     which has the node's state too: `History` (past/history.py); the writer of a file, such as `TraceWriter`
     (watch/trace.py); the logger (cluster/debug.py).
  3. `Session.view` makes a `View`: a snapshot, the events and the messages in flight. For a moment in the past,
     `History.view` folds events in a `World` (past/world.py) up to there.
  4. `paint` in tui/app.py asks for the view, and the `Playhead` for the moment of it that is shown; tui/state.py
     turns it into lines with tui/stage/ and tui/model/ and keeps what is selected. watch/narrator.py gives the
     words, here and in `events`.

To add a …, touch …
  command        a function with `@command` in a module of commands/, a line in tests/language/transcripts/
                 (help, completion and the table in docs/language.md follow from the docstring and the kinds)
  condition      language/conditions.py; a number to compare: language/measures.py, which lessons read too; a
                 line in tests/language/test_conditions.py
  set-up line    a function with `@setup_line` in commands/setup_lines.py, which changes the `Setup` (setup.py);
                 cluster/config.py, if it is of the cluster; session/journal.py, so that `save` writes it
  message kind   that commands name: a row in raft/message_kinds.py, its words in docs/language.md, a message of
                 it in tests/language/test_choosing.py
  fault          where it acts (cluster/proxy.py, inbox.py or network.py); watch/facts.py, with its `words` and
                 its `effect`; past/node.py, or past/world.py for a fault of links; cluster/cluster.py or the
                 module of actions beside it (hardware_actions.py, timer_actions.py, link_actions.py), a line in
                 cluster/harness.py, python/recorded.py, commands/acting.py; cluster/snapshot.py, if `status`
                 shows it; explore/search/mixes.py, with what ends it, so that the search uses it; a transcript
  decision       raft/decisions.py (its rule: rule_names.py), raft/consensus.py, watch/narrator.py, past/node.py,
                 tui/stage/telling/ (its words on the screen), tui/model/timeline.py (its mark, or that it has
                 none), and its check in watch/invariants/watcher.py, or that it has none; an example in
                 tests/tui/test_sentence.py
  RPC            its request and reply in raft/messages.py, and in the unions `Args` and `Reply` there; a row in
                 raft/rpcs.py; the methods that the row names; a decision for what the node decides about it;
                 tests/raft/test_rpcs.py. The wire, traces, faults and screens read the row. Where it should
                 have words of its own: `args_text` in watch/narrator.py, `_words` in tui/stage/words.py
  bug            a subclass and a `Bug` in a module of raft/bugs/, a line in `BUGS` there, a script in
                 scenarios/bugs/, a test with and without it in tests/raft/test_bugs.py, and the same bug as a
                 user would write it in tests/support/own_bugs.py
  option         of the algorithm: a field of `RaftConfig` and its row in `SWITCHES` (raft/config.py); its words
                 in the docstring of `set` (commands/setup_lines.py); a line in `OPTIONS` of
                 explore/search/options.py (so that trials draw it), and one in `DRAWN` of explore/walks/walk.py
                 for walks; `explore --set` has it then, --exhaustive too
  invariant      a row in watch/invariants/names.py; a check in the module of watch/invariants/ that has its
                 subject, and a line in `CHECKS` (watcher.py there), or in the check that the event has already;
                 what it must remember in model.py; a test that violates it and one that does not, in
                 tests/watch/
  scenario       a file in scenarios/, its name in `ORDER` there
  lesson         a numbered file in lessons/files/, its answers in tests/lessons/test_lessons_shipped.py; if it
                 speaks of single nodes, proof of that in tests/lessons/test_lesson_facts.py
  question       to `why`: why/answers.py, a module in why/facts/ and one in why/words/, its form and an example
                 in commands/why.py, a test in tests/why/
  pane           a module in tui/model/ with a subclass of `Pane`, its line in tui/model/panes.py, a test of its
                 key in tests/tui/test_tui_keys.py; docs/screen.md and the frames in tests/tui/frames/ are
                 written again
  export         a module in export/ with a function `written`, its row in `FORMATS` there, a test; a file that
                 is written while a run goes on: an `EventWriter` with its row in `EVENT_FILES`
                 (watch/event_files.py)
  state machine  a class with the methods of `StateMachine` for `Harness(state_machine=…)`, a test
  key            tui/keys.py; a state in which the footer names it: tui/model/footer.py
  sub-command    a function in a module of cli/, its name in `MODULES` in cli/app.py, a call in
                 tests/cli/test_platforms.py
  figure         of `raftplay bench`: a step in a module of bench/; for a new module, its row in
                 bench/measurements.py
  page           docs/ with its name in `PAGES`; tests/support/pages.py writes what is generated in it

Names of the public API are imported when they are first used: the command line starts sooner, and Ctrl-C works
from its start on.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from raftplay.version import __version__ as __version__

if TYPE_CHECKING:
    from raftplay.backends.base import CallFailed, NodeFailed
    from raftplay.cluster.checks import CheckFailed, InvariantBroken
    from raftplay.cluster.config import Config
    from raftplay.cluster.machine import StateMachine
    from raftplay.cluster.network import LinkFaults
    from raftplay.cluster.proxy import RPCProxy
    from raftplay.cluster.server import Server
    from raftplay.cluster.snapshot import NodeSnapshot, Snapshot
    from raftplay.cluster.storage.sqlite_storage import SqliteStorage
    from raftplay.cluster.timings import TimingWarning
    from raftplay.errors import UsageError
    from raftplay.python.harness import Harness
    from raftplay.python.scripts import run
    from raftplay.python.search import explore
    from raftplay.raft.commands import CommandRefused
    from raftplay.raft.config import RaftConfig
    from raftplay.raft.consensus import ConsensusModule
    from raftplay.raft.messages import (
        AppendEntriesArgs,
        AppendEntriesReply,
        CMState,
        CommitEntry,
        LogEntry,
        Report,
        RequestVoteArgs,
        RequestVoteReply,
    )
    from raftplay.raft.quorum import Majority
    from raftplay.raft.rules import Rules
    from raftplay.raft.storage import MapStorage, Storage, StorageError
DEBUG_CM = 1
"""1 writes one line per decision to the logger `raftplay`, at level DEBUG; 0 writes none."""

__all__ = [
    "DEBUG_CM",
    "AppendEntriesArgs",
    "AppendEntriesReply",
    "CMState",
    "CallFailed",
    "CheckFailed",
    "CommandRefused",
    "CommitEntry",
    "Config",
    "ConsensusModule",
    "Harness",
    "InvariantBroken",
    "LinkFaults",
    "LogEntry",
    "Majority",
    "MapStorage",
    "NodeFailed",
    "NodeSnapshot",
    "RPCProxy",
    "RaftConfig",
    "Report",
    "RequestVoteArgs",
    "RequestVoteReply",
    "Rules",
    "Server",
    "Snapshot",
    "SqliteStorage",
    "StateMachine",
    "Storage",
    "StorageError",
    "TimingWarning",
    "UsageError",
    "explore",
    "run",
]

_MODULES = {
    "raftplay.backends.base": "CallFailed NodeFailed",
    "raftplay.cluster.checks": "CheckFailed InvariantBroken",
    "raftplay.cluster.config": "Config",
    "raftplay.cluster.machine": "StateMachine",
    "raftplay.cluster.network": "LinkFaults",
    "raftplay.cluster.proxy": "RPCProxy",
    "raftplay.cluster.server": "Server",
    "raftplay.cluster.snapshot": "NodeSnapshot Snapshot",
    "raftplay.cluster.storage.sqlite_storage": "SqliteStorage",
    "raftplay.cluster.timings": "TimingWarning",
    "raftplay.errors": "UsageError",
    "raftplay.python.harness": "Harness",
    "raftplay.raft.commands": "CommandRefused",
    "raftplay.raft.config": "RaftConfig",
    "raftplay.raft.consensus": "ConsensusModule",
    "raftplay.raft.messages": (
        "AppendEntriesArgs AppendEntriesReply CMState CommitEntry LogEntry Report RequestVoteArgs RequestVoteReply"
    ),
    "raftplay.raft.quorum": "Majority",
    "raftplay.raft.rules": "Rules",
    "raftplay.raft.storage": "MapStorage Storage StorageError",
}
_CALLED = {"explore": "raftplay.explore", "run": "raftplay.run"}
"""The packages that are functions, too; called.py says how."""

_HOME = {name: module for module, names in _MODULES.items() for name in names.split()}

if not TYPE_CHECKING:  # a type checker sees the imports above, and no other name

    def __getattr__(name: str) -> object:
        if name in _CALLED:
            return import_module(_CALLED[name])
        if name not in _HOME:
            raise AttributeError(f"module 'raftplay' has no attribute {name!r}")
        value = getattr(import_module(_HOME[name]), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:  # what `help` and completion list
        hidden = {"TYPE_CHECKING", "import_module", "__all__", "__dir__", "__getattr__"}
        return sorted(name for name in {*globals(), *__all__} - hidden if name[0] != "_" or name.endswith("__"))


__doc__ = """An interactive playground for the Raft consensus algorithm: run a cluster, break it, ask it why.

    import raftplay

    with raftplay.Harness(5, backend="sim", seed=7) as h:  # backend="tcp", the default: real sockets, real time
        h.wait("leader")
        h.submit("x")
        h.expect("committed x on 5", within=2)
        h.run("crash leader; wait leader")  # any commands of the language
        print(h.why())
        h.goto(0.25)  # look at the past; to act there begins another branch
        h.crash(2)
        h.wait("leader")
        print(h.diff("main", "b1"))
        h.save("story.txt")  # raftplay run story.txt repeats it

    with raftplay.run("figure-8") as h:  # a scenario, a script, or the Path of one
        print(h.transcript)
    found = raftplay.explore("commit-old-term")  # search for violations, with a bug switched on
    print(found, found.script)

`help(raftplay.run)` and `help(raftplay.explore)` tell their arguments. `help(raftplay.Harness)` lists the methods;
the names of the Go reference (`crash_peer`, `check_single_leader`, …) are among them. On the command line:
`raftplay help python`.
"""
# The docstring at the top of this file is the guide to the code; this one is for users, in `help(raftplay)`.
