"""What `help lessons` says: how to write a lesson."""

HELP = """\
A lesson is a file of commands, with a few lines more. This is one, whole:

  # A crash, and what it costs
  nodes 3
  step The leader is gone
  unseen wait leader
  let old = leader
  say Node {$old} leads term {term}. Now it crashes, and two of three nodes are left.
  crash $old
  ask Will one of the two lead within a second? => leader
  wrong Two of three are a majority.
  sleep 1s
  answer
  why leader
  step Your turn
  play Now make it impossible. => no leader

The first comment is the title; set-up lines follow, as in a script. A lesson is played in virtual
time, with whatever seed, so write nothing that holds with one seed only.

step TITLE                 a step begins; the reader goes on from one to the next, and back
say TEXT                   words; lines that follow one another are one paragraph, and a line say
                           with nothing behind it begins a new one
ask TEXT => CONDITION      a question to be answered with yes or no (help conditions)
ask TEXT => node NODE      which node? such as: => node leader, => node candidate
ask TEXT => number NUMBER  how many? term, term of NODE, commit of NODE, log of NODE, $NAME,
                           copies VALUE (in how many logs), committed VALUE (on how many nodes)
ask TEXT                   one of several: a line below it for each,
choice TEXT => CONDITION   of which the first whose condition holds is right
wrong TEXT                 behind a question: what a wrong answer gets to read, besides the facts
answer                     here the cluster is looked at: the condition holds or it does not. What
                           stands between ask and answer is what the reader sees happening
play TEXT [=> CONDITION]   free play on a copy of the cluster, up to the goal; => breach is one, too
anew [BUG ...]             another cluster in place of this one, with these bugs and no others
mystery BUG BUG ...        before the first step: one of these is on, and nobody says which
ask TEXT => bug            which of them is it?
unseen COMMANDS            done, and not shown: what a step needs to begin with
beside COMMAND             what it sees now, beside what the same command saw the last time

In TEXT, {leader}, {follower}, {term}, {log of 2}, {copies x} or {$NAME} stand for what they are
when it is read out. All other lines are commands, and their answers are shown; let is not.

raftplay lesson FILE           plays it; --seed N with that seed, --tui beside its cluster
raftplay lesson --check FILE   plays it with 20 seeds, with right and wrong answers, and says what a
                               reader would run into: a command that fails, a question without an
                               answer, a goal that is reached before anybody acts"""
