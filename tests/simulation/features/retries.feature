Feature: Retries
  A `try` begins its tasks again when they fail, after a delay that stays, grows evenly, or doubles. How often, for how
  long, and for which errors is the author's to say. Each retry of a call goes out under the same key.

  Scenario Outline: The delay before each retry
    Given the action "crm.send:1.0.0" fails 4 times with status 503, then answers {sent: true}
    And the workflow "order":
      """
      do:
        - guarded:
            try:
              - send: {call: 'crm.send:1.0.0', with: {to: '${ .to }'}}
            catch:
              retry:
                delay: {seconds: 2}
                backoff: {<backoff>: {}}
                limit: {attempt: {count: 5}}
      """
    When "order" is started for "ada" with: {to: ada}
    And 5 minutes pass
    Then the action "crm.send:1.0.0" was called 5 times, after <times> seconds
    And the execution for "ada" has completed with: {sent: true}

    Examples:
      | backoff     | times               |
      | constant    | 0, 2, 4, 6 and 8    |
      | linear      | 0, 2, 6, 12 and 20  |
      | exponential | 0, 2, 6, 14 and 30  |

  Scenario: Without a backoff the delay stays, and without a delay there is none
    Given the action "a:1.0.0" fails twice with status 503, then answers 1
    And the action "b:1.0.0" fails twice with status 503, then answers 2
    And the workflow "order":
      """
      do:
        - delayed:
            try: [{call: {call: 'a:1.0.0', with: {}}}]
            catch: {retry: {delay: {seconds: 3}, limit: {attempt: {count: 2}}}}
        - prompt:
            try: [{call: {call: 'b:1.0.0', with: {}}}]
            catch: {retry: {limit: {attempt: {count: 2}}}}
      """
    When "order" is started
    And 1 minute passes
    Then the action "a:1.0.0" was called 3 times, after 0, 3 and 6 seconds
    And the action "b:1.0.0" was called 3 times, after 6, 6 and 6 seconds

  Scenario: Jitter is drawn anew for each retry, and added to the delay
    Given the action "crm.send:1.0.0" fails with status 503
    And the workflow "order":
      """
      do:
        - guarded:
            try: [{send: {call: 'crm.send:1.0.0', with: {}}}]
            catch:
              retry:
                delay: {seconds: 10}
                jitter: {from: {seconds: 1}, to: {seconds: 5}}
                limit: {attempt: {count: 20}}
      """
    When "order" is started
    And 1 hour passes
    Then the action "crm.send:1.0.0" was called 21 times
    And the action "crm.send:1.0.0" was called 11 to 15 seconds after the call before, each time

  Scenario: A policy with a name serves many tasks
    Given the action "crm.send:1.0.0" fails twice with status 503, then answers {sent: true}
    And the workflow "order":
      """
      use:
        retries:
          patient: {delay: {minutes: 1}, limit: {attempt: {count: 2}}}
      do:
        - guarded:
            try: [{send: {call: 'crm.send:1.0.0', with: {}}}]
            catch: {retry: patient}
      """
    When "order" is started
    And 5 minutes pass
    Then the action "crm.send:1.0.0" was called 3 times, after 0, 60 and 120 seconds

  Scenario Outline: How many retries there are, and what comes after them
    Given the action "crm.send:1.0.0" fails 3 times with status 503, then answers {sent: true}
    And the workflow "order":
      """
      do:
        - guarded:
            try: [{send: {call: 'crm.send:1.0.0', with: {}}}]
            catch:
              retry: {delay: {seconds: 1}, limit: {attempt: {count: <count>}}}
              <handler>
        - after: {call: 'after:1.0.0', with: {so: '${ . }'}, output: {as: .so}}
      """
    When "order" is started for "ada"
    And 1 minute passes
    Then the action "crm.send:1.0.0" was called <calls>
    And the execution for "ada" <ending>

    Examples:
      | count | handler                                                 | calls   | ending                                                       |
      | 3     |                                                         | 4 times | has completed with: {sent: true}                             |
      | 2     |                                                         | 3 times | has faulted with status 503 at "/do/0/guarded/try/0/send"    |
      | 2     | do: [{note: {set: {gave: up}}}]                         | 3 times | has completed with: {gave: up}                               |
      | 2     | do: [{note: {set: {status: '${ $error.status }'}}}]     | 3 times | has completed with: {status: 503}                            |
      | 0     | do: [{note: {set: {gave: up}}}]                         | once    | has completed with: {gave: up}                               |

  Scenario: The handler runs after the retries are spent, and not before
    Given the action "crm.send:1.0.0" fails with status 503
    And the workflow "order":
      """
      do:
        - guarded:
            try: [{send: {call: 'crm.send:1.0.0', with: {}}}]
            catch:
              retry: {delay: {seconds: 10}, limit: {attempt: {count: 2}}}
              do: [{tell: {call: 'tell:1.0.0', with: {}}}]
      """
    When "order" is started
    And 19 seconds pass
    Then the action "tell:1.0.0" was called never
    When 1 second passes
    Then the action "tell:1.0.0" was called once, after 20 seconds

  Scenario: Each attempt has its time, the first one too
    Given the action "slow:1.0.0" never answers the first time, then answers {fine: true}
    And the workflow "order":
      """
      do:
        - guarded:
            try: [{ask: {call: 'slow:1.0.0', with: {}}}]
            catch:
              errors: {with: {status: 408}}
              retry: {delay: {seconds: 5}, limit: {attempt: {count: 1, duration: {seconds: 30}}}}
      """
    When "order" is started for "ada"
    And 1 minute passes
    Then the action "slow:1.0.0" was called twice, after 0 and 35 seconds
    And the call of "slow:1.0.0" was cancelled
    And the execution for "ada" has completed with: {fine: true}

  Scenario: All attempts together have their time
    Given the action "crm.send:1.0.0" fails with status 503
    And the workflow "order":
      """
      do:
        - guarded:
            try: [{send: {call: 'crm.send:1.0.0', with: {}}}]
            catch:
              retry: {delay: {seconds: 10}, limit: {duration: {seconds: 35}}}
              do: [{note: {set: {gave: up}}}]
      """
    When "order" is started for "ada"
    And 10 minutes pass
    Then the action "crm.send:1.0.0" was called 4 times, after 0, 10, 20 and 30 seconds
    And the execution for "ada" has completed with: {gave: up}

  Scenario: All attempts together have their time, also while a call is under way
    Given the action "slow:1.0.0" never answers
    And the workflow "order":
      """
      do:
        - guarded:
            try: [{ask: {call: 'slow:1.0.0', with: {}}}]
            catch:
              retry: {delay: {seconds: 10}, limit: {duration: {seconds: 35}}}
              do: [{note: {set: {gave: up}}}]
      """
    When "order" is started for "ada"
    And 34 seconds pass
    Then the execution for "ada" is running
    When 1 second passes
    Then the call of "slow:1.0.0" was cancelled
    And the execution for "ada" has completed with: {gave: up}

  Scenario Outline: Which errors are retried
    Given the action "crm.send:1.0.0" fails once with status <status>, then answers {sent: true}
    And the workflow "order":
      """
      do:
        - guarded:
            try: [{send: {call: 'crm.send:1.0.0', with: {}}}]
            catch:
              <which>
              retry: {delay: {seconds: 1}, limit: {attempt: {count: 3}}}
      """
    When "order" is started for "ada"
    And 1 minute passes
    Then the action "crm.send:1.0.0" was called <calls>
    And the execution for "ada" <ending>

    Examples:
      | which                             | status | calls | ending                           |
      | errors: {with: {status: 503}}     | 503    | twice | has completed with: {sent: true} |
      | errors: {with: {status: 503}}     | 404    | once  | has faulted with status 404      |
      | when: $error.status >= 500        | 503    | twice | has completed with: {sent: true} |
      | when: $error.status >= 500        | 404    | once  | has faulted with status 404      |
      | exceptWhen: $error.status == 404  | 503    | twice | has completed with: {sent: true} |
      | exceptWhen: $error.status == 404  | 404    | once  | has faulted with status 404      |

  Scenario Outline: Errors that are caught and yet not retried
    Given the action "crm.send:1.0.0" fails once with status <status>, then answers {sent: true}
    And the workflow "order":
      """
      do:
        - guarded:
            try: [{send: {call: 'crm.send:1.0.0', with: {}}}]
            catch:
              retry: {<condition>, delay: {seconds: 1}, limit: {attempt: {count: 3}}}
              do: [{note: {set: {gave: up}}}]
      """
    When "order" is started for "ada"
    And 1 minute passes
    Then the action "crm.send:1.0.0" was called <calls>
    And the execution for "ada" has completed with: <output>

    Examples:
      | condition                          | status | calls | output       |
      | when: '$error.status >= 500'       | 503    | twice | {sent: true} |
      | when: '$error.status >= 500'       | 422    | once  | {gave: up}   |
      | exceptWhen: '$error.status == 422' | 503    | twice | {sent: true} |
      | exceptWhen: '$error.status == 422' | 422    | once  | {gave: up}   |

  Scenario: A retry begins the whole block again, and does not turn the context back
    Given the action "flaky:1.0.0" fails once with status 503, then answers {}
    And the workflow "order":
      """
      do:
        - guarded:
            try:
              - count: {set: {n: 1}, export: {as: '{tries: (($context.tries // 0) + 1)}'}}
              - send: {call: 'flaky:1.0.0', with: {}}
            catch: {retry: {delay: {seconds: 1}, limit: {attempt: {count: 3}}}}
        - result: {set: {tries: '${ $context.tries }'}}
      """
    When "order" is started for "ada"
    And 1 minute passes
    Then the execution for "ada" has completed with: {tries: 2}

  Scenario: A delay outlives the death of the engine, and no retry is made twice
    Given the action "crm.send:1.0.0" fails twice with status 503, then answers {sent: true}
    And the workflow "order":
      """
      do:
        - guarded:
            try: [{send: {call: 'crm.send:1.0.0', with: {}}}]
            catch: {retry: {delay: {seconds: 10}, limit: {attempt: {count: 3}}}}
      """
    When "order" is started for "ada"
    And 5 seconds pass
    And the engine dies and starts again
    And 5 seconds pass
    And the engine dies and starts again
    And 1 minute passes
    Then the action "crm.send:1.0.0" was called 3 times, after 0, 10 and 20 seconds
