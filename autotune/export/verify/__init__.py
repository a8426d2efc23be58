"""An exported file put to the proof: started as it is, or checked against its target's rules."""
