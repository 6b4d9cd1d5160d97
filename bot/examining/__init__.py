"""What `concierge doctor` looks at: each module examines one neighbour of the house and says what it found."""
