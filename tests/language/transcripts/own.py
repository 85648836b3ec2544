from raftplay import Rules


class Picky(Rules):
    """Never votes for node 0."""

    def may_vote_for(self, candidate_id, voted_for):
        return candidate_id != 0 and super().may_vote_for(candidate_id, voted_for)
