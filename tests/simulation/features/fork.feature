Feature: Fork
  The branches of a `fork` go on side by side, each with the task's input. The output is the array of their outputs.
  With `compete: true` the first branch to end wins: its output is the output, and all others are really cancelled,
  down to the call that is in flight.

  Scenario: The outputs stand in the order of the branches, not in that of their ends
    Given the workflow "both":
      """
      do:
        - both:
            fork:
              branches:
                - slow: {do: [{rest: {wait: {minutes: 2}}}, {note: {set: {side: slow}}}]}
                - quick: {do: [{rest: {wait: {minutes: 1}}}, {note: {set: {side: quick}}}]}
      """
    When "both" is started
    And 119 seconds pass
    Then the execution is waiting
    When 1 second passes
    Then the execution has completed with: [{side: slow}, {side: quick}]

  Scenario: Branches do not wait for each other
    Given the workflow "both":
      """
      do:
        - both:
            fork:
              branches:
                - left: {do: [{rest: {wait: {seconds: 10}}}, {a: {call: 'a:1.0.0', with: {}}}]}
                - right: {do: [{rest: {wait: {seconds: 5}}}, {b: {call: 'b:1.0.0', with: {}}}]}
      """
    When "both" is started
    And 1 minute passes
    Then the action "a:1.0.0" was called once, after 10 seconds
    And the action "b:1.0.0" was called once, after 5 seconds

  Scenario: The winner's output is the output, and the loser's call is cancelled
    Given the action "slow:1.0.0" never answers
    And the workflow "race":
      """
      do:
        - race:
            fork:
              compete: true
              branches:
                - slow: {call: 'slow:1.0.0', with: {}}
                - quick: {do: [{rest: {wait: {seconds: 5}}}, {note: {set: {winner: quick}}}]}
        - after: {call: 'after:1.0.0', with: {winner: '${ .winner }'}}
      """
    When "race" is started
    And 4 seconds pass
    Then no call was cancelled
    When 1 second passes
    Then the call of "slow:1.0.0" was cancelled
    And the action "slow:1.0.0" was called once
    And the action "after:1.0.0" was called with: {winner: quick}
    And nothing else was called
    And the execution has completed

  Scenario: The loser's later tasks never begin
    Given the workflow "race":
      """
      do:
        - race:
            fork:
              compete: true
              branches:
                - slow: {do: [{rest: {wait: {seconds: 10}}}, {tell: {call: 'tell:1.0.0', with: {}}}]}
                - quick: {wait: {seconds: 5}}
        - rest: {wait: {minutes: 1}}
      """
    When "race" is started
    And 2 minutes pass
    Then nothing was called
    And the execution has completed

  Scenario: A branch that ends at once keeps the others from beginning
    Given the workflow "race":
      """
      do:
        - race:
            fork:
              compete: true
              branches:
                - prompt: {set: {winner: prompt}}
                - late: {call: 'late:1.0.0', with: {}}
      """
    When "race" is started
    Then nothing was called
    And the execution has completed with: {winner: prompt}

  Scenario: A wait for events races with a timer
    Given the workflow "race":
      """
      do:
        - race:
            fork:
              compete: true
              branches:
                - answer: {do: [{hear: {listen: {to: {one: {with: {type: com.shop.answered}}}}}}, {yes: {set: {answered: true}}}]}
                - silence: {do: [{rest: {wait: {days: 1}}}, {no: {set: {answered: false}}}]}
      """
    When "race" is started for "ada"
    And "race" is started for "bob"
    And 23 hours pass
    And the event "com.shop.answered" about "ada" comes
    And 2 hours pass
    And the event "com.shop.answered" about "bob" comes
    Then the execution for "ada" has completed with: {answered: true}
    And the execution for "bob" has completed with: {answered: false}

  Scenario: A child that loses is cancelled with its call
    Given the action "slow:1.0.0" never answers
    And the workflow "child":
      """
      do:
        - ask: {call: 'slow:1.0.0', with: {}}
      """
    And the workflow "race":
      """
      do:
        - race:
            fork:
              compete: true
              branches:
                - slow: {run: {workflow: {namespace: shop, name: child, version: latest}}}
                - quick: {wait: {seconds: 5}}
      """
    When "race" is started for "ada"
    And 5 seconds pass
    Then the execution of "race" has completed
    And the execution of "child" was cancelled
    And the call of "slow:1.0.0" was cancelled

  Scenario: A fault in one branch ends the others
    Given the action "slow:1.0.0" never answers
    And the workflow "both":
      """
      do:
        - both:
            fork:
              branches:
                - slow: {call: 'slow:1.0.0', with: {}}
                - bad:
                    do:
                      - rest: {wait: {seconds: 5}}
                      - refuse: {raise: {error: {type: https://shop.example.com/no, status: 418, title: No}}}
      """
    When "both" is started
    And 5 seconds pass
    Then the execution has faulted with status 418 at "/do/0/both/fork/branches/1/bad/do/1/refuse"
    And the call of "slow:1.0.0" was cancelled

  Scenario: A fault that is caught around the fork has ended the others all the same
    Given the action "slow:1.0.0" never answers
    And the action "bad:1.0.0" fails with status 503
    And the workflow "both":
      """
      do:
        - guarded:
            try:
              - both:
                  fork:
                    branches:
                      - slow: {call: 'slow:1.0.0', with: {}}
                      - later: {do: [{rest: {wait: {seconds: 5}}}, {tell: {call: 'tell:1.0.0', with: {}}}]}
                      - bad: {call: 'bad:1.0.0', with: {}}
            catch: {do: [{note: {set: {caught: true}}}]}
        - rest: {wait: {minutes: 1}}
      """
    When "both" is started
    And 2 minutes pass
    Then the call of "slow:1.0.0" was cancelled
    And the action "tell:1.0.0" was called never
    And the execution has completed with: {caught: true}

  Scenario: A fork in a loop in a try in a fork
    Given the action "slow:1.0.0" never answers
    And the action "flaky:1.0.0" fails once with status 503, then answers {fine: true}
    And the workflow "deep":
      """
      do:
        - outer:
            fork:
              branches:
                - guarded:
                    try:
                      - each:
                          for: {in: '["a", "b"]'}
                          do:
                            - inner:
                                fork:
                                  compete: true
                                  branches:
                                    - slow: {call: 'slow:1.0.0', with: {item: '${ $item }'}}
                                    - quick:
                                        do:
                                          - rest: {wait: {seconds: 5}}
                                          - send: {call: 'flaky:1.0.0', with: {item: '${ $item }'}}
                    catch: {retry: {delay: {seconds: 1}, limit: {attempt: {count: 1}}}}
                - beside: {do: [{rest: {wait: {minutes: 1}}}, {note: {set: {side: by}}}]}
      """
    When "deep" is started
    And 1 minute passes
    Then the action "slow:1.0.0" was called in this order with: [{item: a}, {item: a}, {item: b}]
    And the action "slow:1.0.0" was called 3 times, after 0, 6 and 11 seconds
    And the call of "slow:1.0.0" was cancelled 3 times
    And the action "flaky:1.0.0" was called 3 times, after 5, 11 and 16 seconds
    And the execution has completed with: [{fine: true}, {side: by}]

  Scenario: The workflow is cancelled, and every branch with it
    Given the action "slow:1.0.0" never answers
    And the action "other:1.0.0" never answers
    And the workflow "both":
      """
      do:
        - both:
            fork:
              branches:
                - slow: {call: 'slow:1.0.0', with: {}}
                - nested: {fork: {branches: [{other: {call: 'other:1.0.0', with: {}}}, {rest: {wait: {hours: 1}}}]}}
      """
    When "both" is started for "ada"
    And the execution for "ada" is cancelled because "ada has left"
    Then the call of "slow:1.0.0" was cancelled
    And the call of "other:1.0.0" was cancelled
    And the execution for "ada" was cancelled because "ada has left"

  Scenario: Whoever wins stays the winner when the engine dies
    Given the action "slow:1.0.0" never answers
    And the workflow "race":
      """
      do:
        - race:
            fork:
              compete: true
              branches:
                - slow: {call: 'slow:1.0.0', with: {}}
                - quick: {do: [{rest: {wait: {seconds: 5}}}, {note: {set: {winner: quick}}}]}
        - rest: {wait: {minutes: 1}, output: {as: $input.winner}}
      """
    When "race" is started
    And the engine is down for 10 seconds
    And the engine dies and starts again
    And 1 minute passes
    Then the call of "slow:1.0.0" was cancelled
    And the action "slow:1.0.0" was called once
    And the execution has completed
