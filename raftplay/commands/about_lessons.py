"""The text of `help lessons`: how to write a lesson."""

HELP = """\
A lesson is a script with additional lines. A complete example:

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

The first comment is the title; set-up lines follow, as in a script. A lesson runs in virtual time,
with any seed, so write nothing that holds with one seed only.

step TITLE                 begin a step; the reader moves from step to step, also back
say TEXT                   show text; say lines that follow one another form one paragraph, and a
                           say line without text begins a new one
ask TEXT => CONDITION      ask a question with the answer yes or no (help conditions)
ask TEXT => node NODE      ask for a node, such as: => node leader, => node candidate
ask TEXT => number NUMBER  ask for a number: term, term of NODE, commit of NODE, log of NODE, $NAME,
                           copies VALUE (in how many logs), committed VALUE (on how many nodes)
ask TEXT                   ask for one of several choices, each on a choice line below;
choice TEXT => CONDITION   the first choice whose condition holds is correct
wrong TEXT                 after a question: the text shown for a wrong answer, with the facts
answer                     evaluate the condition now. The reader sees the commands between ask and
                           answer run
play TEXT [=> CONDITION]   free play on a copy of the cluster until the goal holds; => breach is a
                           goal, too: a violated invariant
anew [BUG ...]             replace the cluster by a new one, with only these bugs
mystery BUG BUG ...        before the first step: switch one of these bugs on, without naming it
ask TEXT => bug            ask which of them it is
unseen COMMANDS            run commands that prepare a step, without showing them
beside COMMAND             show the command's answer next to its previous answer

In TEXT, {leader}, {follower}, {term}, {log of 2}, {copies x} or {$NAME} stand for their values at
the time it is shown. All other lines are commands; their answers are shown, except that of let.

raftplay lesson FILE           plays it (--seed N: with that seed; --tui: beside its cluster)
raftplay lesson --check FILE   plays it with 20 seeds, with correct and wrong answers, and reports
                               each command that fails, question without an answer, and goal that
                               holds before anybody acts"""
